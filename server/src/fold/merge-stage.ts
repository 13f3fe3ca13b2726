import { type CommitOperation, CorruptBatch, type LogEntry, partialsTopic, windowHash } from '../bus/index.ts'
import type { WindowTopic } from '../config/contract/model.ts'
import {
  type Accumulator,
  AggregateSet,
  MergeWindow,
  type StoredMergeClock,
  type StoredMergeState,
  type TumblingSpec,
} from '../operators/index.ts'
import { EarlyInterval } from './early-interval.ts'
import { type EmittedResult, emitResult } from './pane.ts'
import type { VersionedReport } from './report-stage.ts'
import { type HashFields, writesTo } from './stored-window.ts'

/** The definition and the stored state of a merged window. */
export interface MergeParts {
  readonly topic: WindowTopic
  readonly spec: TumblingSpec
  readonly version: string
  readonly partitions: number
  /** Whether a group is merged here. */
  readonly isMine: (group: string) => boolean
  readonly clock: StoredMergeClock | undefined
  readonly stored: HashFields
}

/**
 * Second stage of a window whose groups lie in several partitions, in a partition that merges some of them. Field
 * `<start>:<source>:<group>` of its hash holds that source's partial, field `<start>::<group>` `[revision, changed,
 * closed]`.
 */
export class MergeStage {
  readonly kind = 'merge'
  readonly topic: WindowTopic
  readonly operator: MergeWindow
  readonly #hash: string
  readonly #partitions: number
  readonly #version: string
  readonly #early: EarlyInterval
  readonly #isMine: (group: string) => boolean

  constructor({ topic, spec, version, partitions, isMine, clock, stored }: MergeParts) {
    this.topic = topic
    const aggregates = new AggregateSet(spec.aggregate)
    this.operator = new MergeWindow(spec, partitions, clock, decodeStates(aggregates, stored))
    this.#partitions = partitions
    this.#version = version
    this.#isMine = isMine
    this.#early = new EarlyInterval(spec.emitEveryMs)
    this.#hash = partialsHash(topic.name)
  }

  /**
   * Takes a report of a source partition and returns how many of its partials were late. A report for another
   * definition is skipped.
   *
   * @throws CorruptBatch before anything is taken
   */
  apply(source: number, entry: LogEntry): number {
    const { version, ...report } = readReport(entry)
    if (version !== this.#version) return 0
    const partials = report.partials.filter(({ key }) => this.#isMine(key))
    return this.operator.apply(source, { ...report, partials })
  }

  /** Early panes of windows that have them become due once per interval of the clock. */
  tick(now: number): void {
    if (this.#early.enters(now)) this.operator.flush()
  }

  takeResults(limit: number): EmittedResult[] {
    return this.operator.take(limit).map((pane) => emitResult(this.topic, pane))
  }

  /** Writes that bring the stored windows up to date; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[] {
    const forgotten = this.operator
      .takeForgotten(Math.floor(limit / (this.#partitions + 1)))
      .flatMap(({ start, key, parts }) => [
        stateField(start, '', key),
        ...[...parts.keys()].map((source) => stateField(start, source, key)),
      ])
    const changed = this.operator
      .takeDirty()
      .flatMap(({ state: { start, key, revision, changed, closed }, parts }) => [
        ...parts.map(
          ([source, accumulator]) =>
            [stateField(start, source, key), this.operator.aggregates.encode(accumulator)] as const,
        ),
        [stateField(start, '', key), JSON.stringify([revision, changed, closed])] as const,
      ])
    return writesTo(this.#hash, { changed, forgotten })
  }
}

function readReport({ payload }: LogEntry): VersionedReport {
  try {
    const report = JSON.parse(payload.toString('utf8')) as VersionedReport
    if (Array.isArray(report.partials)) return report
  } catch (cause) {
    throw new CorruptBatch('a report is not JSON', { cause })
  }
  throw new CorruptBatch('a report has no partial results')
}

export function partialsHash(window: string): string {
  return windowHash(partialsTopic(window))
}

function decodeStates(aggregates: AggregateSet, fields: HashFields): StoredMergeState[] {
  const states = new Map<string, StoredMergeState & { parts: Map<number, Accumulator> }>()
  for (const [field, value] of fields) {
    const { start, source, key } = parseStateField(field)
    const name = `${start}:${key}`
    const state = states.get(name) ?? { start, key, parts: new Map(), revision: 0, changed: false, closed: false }
    states.set(name, state)
    if (source !== '') state.parts.set(Number(source), aggregates.decode(value))
    else {
      const [revision, changed, closed] = JSON.parse(value) as [number, boolean, boolean]
      Object.assign(state, { revision, changed, closed })
    }
  }
  return [...states.values()]
}

function stateField(start: number, source: number | '', group: string): string {
  return `${start}:${source}:${group}`
}

/** The group that a field of such a hash is about. */
export function groupOfField(field: string): string {
  return parseStateField(field).key
}

function parseStateField(field: string): { start: number; source: string; key: string } {
  const afterStart = field.indexOf(':')
  const afterSource = field.indexOf(':', afterStart + 1)
  return {
    start: Number(field.slice(0, afterStart)),
    source: field.slice(afterStart + 1, afterSource),
    key: field.slice(afterSource + 1),
  }
}
