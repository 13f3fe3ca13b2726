import { type CommitOperation, windowHash } from '../bus/index.ts'
import type { WindowTopic } from '../config/contract/model.ts'
import {
  type FleetClock,
  inputCheck,
  type StateField,
  type StateWrites,
  type WindowOperator,
} from '../operators/index.ts'

/** The state of one window in one partition: the operator, and the hash with its fields. */
export class StoredWindow<Operator extends WindowOperator> {
  readonly topic: WindowTopic
  readonly operator: Operator
  /** @throws TypeError when an aggregate cannot be computed from an event's data. */
  readonly checkData: (data: unknown) => void
  readonly #hash: string

  constructor(topic: WindowTopic, operator: Operator) {
    this.topic = topic
    this.operator = operator
    this.checkData = inputCheck(topic.spec.aggregate)
    this.#hash = windowHash(topic.name)
  }

  /** Writes that bring the stored state up to date; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[] {
    return writesTo(this.#hash, this.operator.takeWrites(limit))
  }
}

/** The clocks of a window's sources, if each has its own: the operator, and the hash with its fields. */
export class StoredClocks {
  readonly operator: FleetClock
  readonly #hash: string

  constructor(window: string, operator: FleetClock) {
    this.operator = operator
    this.#hash = clocksHash(window)
  }

  takeWrites(): CommitOperation[] {
    return writesTo(this.#hash, this.operator.takeWrites())
  }
}

/** Writes that store changed clocks and delete forgotten ones. */
export function writesTo(hash: string, { changed, forgotten }: StateWrites): CommitOperation[] {
  const operations: CommitOperation[] = []
  if (changed.length > 0) operations.push({ op: 'set', hash, fields: changed })
  if (forgotten.length > 0) operations.push({ op: 'delete', hash, fields: forgotten })
  return operations
}

export type HashFields = readonly StateField[]

export function clocksHash(window: string): string {
  return windowHash(`${window}${CLOCKS}`)
}

/** The window of such a hash, both without prefix; `undefined` of another one. */
export function windowOfClocks(name: string): string | undefined {
  return name.endsWith(CLOCKS) ? name.slice(0, -CLOCKS.length) : undefined
}

const CLOCKS = '~clocks'
