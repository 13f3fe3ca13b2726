import { type CommitOperation, type EventBody, partialsTopic } from '../bus/index.ts'
import { ALL_KEYS } from '../config/contract/placed-by.ts'
import {
  type Field,
  parseField,
  readField,
  type SourceReport,
  type TumblingSpec,
  type TumblingWindow,
} from '../operators/index.ts'
import { EarlyInterval } from './early-interval.ts'
import { dataOf } from './narrow-event.ts'
import type { StoredWindow } from './stored-window.ts'

/** A report with the hash of its window's definition. */
export interface VersionedReport extends SourceReport {
  readonly version: string
}

/** Whether a window has no input, and none will come. */
export interface InputState {
  readonly idle: boolean
  /** Only of an idle one. */
  readonly ended: boolean
}

/** Partials of one report: a merging partition takes them in at once. */
export const MAX_PARTIALS = 300
/** Reports of one commit: more stay due. At about 80 bytes a partial this is 192 KiB. */
const MAX_REPORTS = 8

/**
 * First stage of a window whose groups lie in several partitions. It reports this partition's part of each group -
 * never emits it - to the partition that merges the group. Reports are sent when windows complete or change afterwards,
 * when the watermark enters another window, and when the input goes idle or wakes, so that the merging side knows for
 * whom to wait. Every new owner reports once more.
 */
export class ReportStage {
  readonly kind = 'report'
  readonly window: StoredWindow<TumblingWindow>
  readonly #spec: TumblingSpec
  readonly #version: string
  /**
   * The first start from which this partition has all events; absent if it has read its inputs from their beginning.
   */
  readonly #begin: number | undefined
  /** Names the group of an event; absent for one group over all keys. */
  readonly #field: Field | undefined
  readonly #early: EarlyInterval
  /** Up to here everything was reported. */
  #watermark: number | null = null
  #reported: ({ readonly bucket: number } & InputState) | undefined

  constructor(window: StoredWindow<TumblingWindow>, spec: TumblingSpec, version: string, begin?: number) {
    this.#begin = begin
    this.window = window
    this.#spec = spec
    this.#early = new EarlyInterval(spec.emitEveryMs)
    this.#version = version
    this.#field = typeof spec.groupBy === 'object' ? parseField(spec.groupBy.field) : undefined
  }

  /**
   * @throws TypeError when the event's group is not text that Redis can keep unchanged: the config excludes neither
   *   other results of a `map` nor lone surrogates.
   */
  groupOf(event: EventBody): string {
    if (this.#field === undefined) return ALL_KEYS
    const group = readField(dataOf(event), this.#field)
    if (typeof group === 'string' && group.isWellFormed()) return group
    throw new TypeError(`groupBy: the event holds no text without lone surrogates at ${this.#field.path}`)
  }

  add(group: string, event: EventBody): 'added' | 'late' | 'full' {
    return this.window.operator.add(group, event.time, dataOf(event))
  }

  /** The parts of early panes become due once per interval of the clock. */
  tick(now: number): void {
    if (this.#early.enters(now)) this.window.operator.flush()
  }

  needsReport({ idle, ended }: InputState): boolean {
    const { dueCount } = this.window.operator
    if (dueCount > 0) return true
    if (this.#reported !== undefined && (this.#reported.idle !== idle || this.#reported.ended !== ended)) return true
    // A source is silent until it knows whether it has input. An idle one holds nobody back, so its watermark does not
    // matter. One without input says so in its first commit: others may close without it from then on.
    if (this.#reported === undefined) return idle || this.#hasBegun() || this.#begin !== undefined
    return !idle && this.#hasBegun() && this.#reported.bucket !== this.#bucket()
  }

  /**
   * The due reports, as the commit's writes to the partition's own log of partials.
   *
   * @param room states that they may change; one report is always made.
   */
  takeReports(input: InputState, room: number): CommitOperation[] {
    const most = Math.min(MAX_REPORTS, Math.max(1, Math.floor(room / MAX_PARTIALS)))
    const reports: CommitOperation[] = []
    while (reports.length < most && this.needsReport(input)) reports.push(this.#takeReport(input))
    return reports
  }

  #takeReport({ idle, ended }: InputState): CommitOperation {
    const { operator, topic } = this.window
    if (idle) operator.flush()
    this.#reported = { bucket: this.#bucket(), idle, ended }
    const partials = operator.takePartials(MAX_PARTIALS).map(({ start, key, accumulator }) => ({
      start,
      key,
      accumulator: operator.aggregates.encode(accumulator),
    }))
    // Both mean that nothing up to here is missing.
    const isComplete = operator.dueCount === 0
    if (isComplete && this.#hasBegun()) this.#watermark = operator.watermark
    const report: VersionedReport = {
      version: this.#version,
      watermark: this.#watermark,
      idle: idle && isComplete,
      ...(ended && isComplete && { ended }),
      ...(this.#begin !== undefined && { begin: this.#begin }),
      partials,
    }
    const payload = Buffer.from(JSON.stringify(report))
    return { op: 'append', topic: partialsTopic(topic.name), header: '', payload, watermark: undefined, latest: [] }
  }

  #hasBegun(): boolean {
    return Number.isFinite(this.window.operator.watermark)
  }

  #bucket(): number {
    const { offsetMs, sizeMs } = this.#spec
    return Math.floor((this.window.operator.watermark - offsetMs) / sizeMs)
  }
}
