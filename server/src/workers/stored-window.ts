import { type CommitOperation, keys } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import {
  type FleetClock,
  inputCheck,
  type StateField,
  type StateWrites,
  type WindowOperator,
} from '../operators/index.ts'

/** The state of one window in one partition: the operator, and the hash that keeps its fields. */
export class StoredWindow<Operator extends WindowOperator> {
  readonly topic: WindowTopic
  readonly operator: Operator
  /** @throws TypeError when an aggregate cannot be computed from an event's data. */
  readonly checkData: (data: unknown) => void
  readonly #key: string

  constructor(topic: WindowTopic, partition: number, operator: Operator) {
    this.topic = topic
    this.operator = operator
    this.checkData = inputCheck(topic.spec.aggregate)
    this.#key = windowKey(topic.name, partition)
  }

  /** Writes after which the stored state is the state now; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[] {
    return writesTo(this.#key, this.operator.takeWrites(limit))
  }
}

/** The clocks of a window's sources, where each has its own: the operator, and the hash that keeps its fields. */
export class StoredClocks {
  readonly operator: FleetClock
  readonly #key: string

  constructor(window: string, partition: number, operator: FleetClock) {
    this.operator = operator
    this.#key = clocksKey(window, partition)
  }

  takeWrites(): CommitOperation[] {
    return writesTo(this.#key, this.operator.takeWrites())
  }
}

/** Writes after which the hash holds what changed, and not what is forgotten. */
export function writesTo(key: string, { changed, forgotten }: StateWrites): CommitOperation[] {
  const operations: CommitOperation[] = []
  if (changed.length > 0) operations.push({ op: 'set', key, fields: changed })
  if (forgotten.length > 0) operations.push({ op: 'delete', key, fields: forgotten })
  return operations
}

export type HashFields = readonly StateField[]

export function windowKey(window: string, partition: number): string {
  return keys.window(partition, window)
}

export function clocksKey(window: string, partition: number): string {
  return keys.window(partition, `${window}~clocks`)
}
