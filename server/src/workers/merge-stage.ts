import { type CommitOperation, keys, type LogEntry, partialsTopic } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import {
  type Accumulator,
  AggregateSet,
  MergeWindow,
  type SourceReport,
  type StoredMergeClock,
  type StoredMergeState,
} from '../operators/index.ts'
import { ALL_KEYS, type EmittedPane, emitPane } from './pane.ts'
import type { HashFields } from './stored-window.ts'

/**
 * Second stage of a window over all keys, in the one partition that merges it. Field `<start>:<source>` of its hash holds the
 * slots of that source's partial, field `<start>:` holds `[revision, changed]`.
 */
export class MergeStage {
  readonly topic: WindowTopic
  readonly operator: MergeWindow
  readonly #key: string

  constructor(
    topic: WindowTopic,
    partition: number,
    partitions: number,
    clock: StoredMergeClock | undefined,
    stored: HashFields,
  ) {
    this.topic = topic
    const aggregates = new AggregateSet(topic.spec.aggregate)
    this.operator = new MergeWindow(topic.spec, partitions, clock, decodeStates(aggregates, stored))
    this.#key = MergeStage.keyOf(topic, partition)
  }

  static keyOf(topic: WindowTopic, partition: number): string {
    return keys.window(partition, partialsTopic(topic.name))
  }

  /** Takes a report of a source partition and returns how many of its partials came too late. */
  apply(source: number, entry: LogEntry): number {
    return this.operator.apply(source, JSON.parse(entry.payload.toString('utf8')) as SourceReport)
  }

  takePanes(limit: number): EmittedPane[] {
    return this.operator.takeDue(limit).map((state) => {
      const { start, revision } = state
      const value = this.operator.aggregates.result(this.operator.merged(state))
      const final = this.operator.isForgotten(start)
      return emitPane(this.topic, { key: ALL_KEYS, start, value, revision: revision - 1, final })
    })
  }

  /** Writes after which the stored windows are the windows now; forgets at most `limit` of them. */
  takeWrites(limit: number): CommitOperation[] {
    const operations: CommitOperation[] = []
    const forgotten = this.operator
      .takeForgotten(limit)
      .flatMap(({ start, parts }) => [`${start}:`, ...[...parts.keys()].map((source) => `${start}:${source}`)])
    const changed = this.operator
      .takeDirty()
      .flatMap(({ state: { start, revision, changed }, parts }) => [
        ...parts.map(
          ([source, accumulator]) => [`${start}:${source}`, this.operator.aggregates.encode(accumulator)] as const,
        ),
        [`${start}:`, JSON.stringify([revision, changed ? 1 : 0])] as const,
      ])
    if (changed.length > 0) operations.push({ op: 'set', key: this.#key, fields: changed })
    if (forgotten.length > 0) operations.push({ op: 'delete', key: this.#key, fields: forgotten })
    return operations
  }
}

function decodeStates(aggregates: AggregateSet, fields: HashFields): StoredMergeState[] {
  const states = new Map<
    number,
    { start: number; parts: Map<number, Accumulator>; revision: number; changed: boolean }
  >()
  for (const [field, value] of fields) {
    const colon = field.indexOf(':')
    const start = Number(field.slice(0, colon))
    const source = field.slice(colon + 1)
    const state = states.get(start) ?? { start, parts: new Map(), revision: 0, changed: false }
    states.set(start, state)
    if (source !== '') state.parts.set(Number(source), aggregates.decode(value))
    else {
      const [revision, changed] = JSON.parse(value) as [number, number]
      state.revision = revision
      state.changed = changed === 1
    }
  }
  return [...states.values()]
}
