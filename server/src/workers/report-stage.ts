import { type CommitOperation, type EventBody, partialsTopic } from '../bus/index.ts'
import type { SourceReport, TumblingSpec, TumblingWindow } from '../operators/index.ts'
import { ALL_KEYS } from './pane.ts'
import type { StoredWindow } from './stored-window.ts'

/** A report with the hash of the definition it was made by. */
export interface VersionedReport extends SourceReport {
  readonly version: string
}

/** Partials of one report: more stay due. */
const MAX_PARTIALS = 300

/**
 * First stage of a window over all keys: this partition's part of each window, reported - never emitted - to the partition
 * that merges them. Reports when windows complete or change afterwards, when the watermark enters another window, and when
 * the input goes idle or wakes, so that the merging side knows whom to wait for. Every owner reports once more.
 */
export class ReportStage {
  readonly window: StoredWindow<TumblingWindow>
  readonly #spec: TumblingSpec
  readonly #version: string
  #reported: { readonly bucket: number; readonly idle: boolean } | undefined

  constructor(window: StoredWindow<TumblingWindow>, spec: TumblingSpec, version: string) {
    this.window = window
    this.#spec = spec
    this.#version = version
  }

  add({ time, data }: EventBody): 'added' | 'late' | 'full' {
    return this.window.operator.add(ALL_KEYS, time, data)
  }

  /** @param idle whether the window's input is idle. */
  needsReport(idle: boolean): boolean {
    const { dueCount } = this.window.operator
    if (dueCount > 0 || (this.#reported !== undefined && this.#reported.idle !== idle)) return true
    // A source is silent until it knows whether it has input; idle, it holds nobody back, so its watermark is of no interest.
    if (this.#reported === undefined) return idle || this.#hasBegun()
    return !idle && this.#hasBegun() && this.#reported.bucket !== this.#bucket()
  }

  /** The report that is needed, as the commit's write to the partition's own log of partials. */
  takeReport(idle: boolean): CommitOperation[] {
    if (!this.needsReport(idle)) return []
    const { operator, topic } = this.window
    if (idle) operator.flush()
    this.#reported = { bucket: this.#bucket(), idle }
    const partials = operator.takePartials(MAX_PARTIALS).map(({ start, accumulator }) => ({
      start,
      accumulator: operator.aggregates.encode(accumulator),
    }))
    const report: VersionedReport = {
      version: this.#version,
      watermark: this.#hasBegun() ? operator.watermark : null,
      idle,
      partials,
    }
    const payload = Buffer.from(JSON.stringify(report))
    return [{ op: 'append', topic: partialsTopic(topic.name), header: '', payload, watermark: undefined, latest: [] }]
  }

  #hasBegun(): boolean {
    return Number.isFinite(this.window.operator.watermark)
  }

  #bucket(): number {
    const { offsetMs, sizeMs } = this.#spec
    return Math.floor((this.window.operator.watermark - offsetMs) / sizeMs)
  }
}
