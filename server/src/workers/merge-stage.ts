import { type CommitOperation, keys, type LogEntry, partialsTopic } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import {
  type Accumulator,
  AggregateSet,
  MergeWindow,
  type StoredMergeClock,
  type StoredMergeState,
  type TumblingSpec,
} from '../operators/index.ts'
import { ALL_KEYS, type EmittedResult, emitResult } from './pane.ts'
import type { VersionedReport } from './report-stage.ts'
import type { HashFields } from './stored-window.ts'

/**
 * Second stage of a window over all keys, in the one partition that merges it. Field `<start>:<source>` of its hash holds the
 * slots of that source's partial, field `<start>:` holds `[revision, changed, closed]`.
 */
export class MergeStage {
  readonly topic: WindowTopic
  readonly operator: MergeWindow
  readonly #key: string
  readonly #version: string

  constructor(
    topic: WindowTopic,
    spec: TumblingSpec,
    version: string,
    partition: number,
    partitions: number,
    clock: StoredMergeClock | undefined,
    stored: HashFields,
  ) {
    this.topic = topic
    const aggregates = new AggregateSet(spec.aggregate)
    this.operator = new MergeWindow(spec, partitions, clock, decodeStates(aggregates, stored))
    this.#version = version
    this.#key = partialsKey(topic.name, partition)
  }

  /** Takes a report of a source partition and returns how many of its partials came too late. One for another definition is passed over. */
  apply(source: number, entry: LogEntry): number {
    const { version, ...report } = JSON.parse(entry.payload.toString('utf8')) as VersionedReport
    return version === this.#version ? this.operator.apply(source, report) : 0
  }

  takeResults(limit: number): EmittedResult[] {
    return this.operator.take(limit, ALL_KEYS).map((pane) => emitResult(this.topic, pane))
  }

  /** Writes after which the stored windows are the windows now; forgets at most `limit` of them. */
  takeWrites(limit: number): CommitOperation[] {
    const operations: CommitOperation[] = []
    const forgotten = this.operator
      .takeForgotten(limit)
      .flatMap(({ start, parts }) => [`${start}:`, ...[...parts.keys()].map((source) => `${start}:${source}`)])
    const changed = this.operator
      .takeDirty()
      .flatMap(({ state: { start, revision, changed, closed }, parts }) => [
        ...parts.map(
          ([source, accumulator]) => [`${start}:${source}`, this.operator.aggregates.encode(accumulator)] as const,
        ),
        [`${start}:`, JSON.stringify([revision, changed, closed])] as const,
      ])
    if (changed.length > 0) operations.push({ op: 'set', key: this.#key, fields: changed })
    if (forgotten.length > 0) operations.push({ op: 'delete', key: this.#key, fields: forgotten })
    return operations
  }
}

export function partialsKey(window: string, partition: number): string {
  return keys.window(partition, partialsTopic(window))
}

function decodeStates(aggregates: AggregateSet, fields: HashFields): StoredMergeState[] {
  const states = new Map<number, StoredMergeState & { parts: Map<number, Accumulator> }>()
  for (const [field, value] of fields) {
    const colon = field.indexOf(':')
    const start = Number(field.slice(0, colon))
    const source = field.slice(colon + 1)
    const state = states.get(start) ?? { start, parts: new Map(), revision: 0, changed: false, closed: false }
    states.set(start, state)
    if (source !== '') state.parts.set(Number(source), aggregates.decode(value))
    else {
      const [revision, changed, closed] = JSON.parse(value) as [number, boolean, boolean]
      Object.assign(state, { revision, changed, closed })
    }
  }
  return [...states.values()]
}
