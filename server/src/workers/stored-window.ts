import { type CommitOperation, keys } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import type { StateField, WindowOperator } from '../operators/index.ts'

/** The state of one window in one partition: the operator, and the hash that keeps its fields. */
export class StoredWindow<Operator extends WindowOperator> {
  readonly topic: WindowTopic
  readonly operator: Operator
  readonly #key: string

  constructor(topic: WindowTopic, partition: number, operator: Operator) {
    this.topic = topic
    this.operator = operator
    this.#key = windowKey(topic.name, partition)
  }

  /** Writes after which the stored state is the state now; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[] {
    const { changed, forgotten } = this.operator.takeWrites(limit)
    const operations: CommitOperation[] = []
    if (changed.length > 0) operations.push({ op: 'set', key: this.#key, fields: changed })
    if (forgotten.length > 0) operations.push({ op: 'delete', key: this.#key, fields: forgotten })
    return operations
  }
}

export type HashFields = readonly StateField[]

export function windowKey(window: string, partition: number): string {
  return keys.window(partition, window)
}
