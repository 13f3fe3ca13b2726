import { type CommitOperation, keys } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import { AggregateSet, KeyedWindow, type StoredWindowState } from '../operators/index.ts'

export type HashFields = readonly (readonly [field: string, value: string])[]

/**
 * The open states of one window in one partition: the operator, and the hash that keeps them. Field `<start>:<key>` holds
 * `revision;changed;accumulator`.
 */
export class StoredWindow {
  readonly topic: WindowTopic
  readonly operator: KeyedWindow
  readonly #key: string

  constructor(topic: WindowTopic, partition: number, watermark: number | undefined, stored: HashFields) {
    this.topic = topic
    const aggregates = new AggregateSet(topic.spec.aggregate)
    const states = stored.map((field) => decodeState(aggregates, field))
    this.operator = new KeyedWindow(topic.spec, watermark, states)
    this.#key = StoredWindow.keyOf(topic, partition)
  }

  static keyOf(topic: WindowTopic, partition: number): string {
    return keys.window(partition, topic.name)
  }

  /** Writes after which the stored states are the states now; forgets at most `limit` of them. */
  takeWrites(limit: number): CommitOperation[] {
    const forgotten = this.operator.takeForgotten(limit).map(fieldOf)
    const changed = this.operator.takeDirty().map((state) => [fieldOf(state), this.#encode(state)] as const)
    const operations: CommitOperation[] = []
    if (changed.length > 0) operations.push({ op: 'set', key: this.#key, fields: changed })
    if (forgotten.length > 0) operations.push({ op: 'delete', key: this.#key, fields: forgotten })
    return operations
  }

  #encode({ revision, changed, accumulator }: StoredWindowState): string {
    return `${revision};${changed ? 1 : 0};${this.operator.aggregates.encode(accumulator)}`
  }
}

function fieldOf({ start, key }: Pick<StoredWindowState, 'start' | 'key'>): string {
  return `${start}:${key}`
}

function decodeState(aggregates: AggregateSet, [field, value]: HashFields[number]): StoredWindowState {
  const colon = field.indexOf(':')
  const [revision, changed, accumulator] = value.split(';')
  return {
    start: Number(field.slice(0, colon)),
    key: field.slice(colon + 1),
    revision: Number(revision),
    changed: changed === '1',
    accumulator: aggregates.decode(accumulator!),
  }
}
