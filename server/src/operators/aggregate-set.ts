import type { AggregateSpec } from '../config/model.ts'
import { type Aggregate, avg, count, max, min, sum } from './aggregates/index.ts'

const AGGREGATES: Readonly<Record<AggregateSpec['fn'], Aggregate>> = { count, sum, avg, min, max }

/** One flat array for all aggregates of a window and key. */
export type Accumulator = number[]

interface Member {
  readonly name: string
  readonly aggregate: Aggregate
  readonly at: number
  /** Field of the data whose value is added; `undefined` for aggregates that only count. */
  readonly field: string | undefined
}

/** The aggregates of one window, compiled from its spec. */
export class AggregateSet {
  readonly #members: readonly Member[]

  constructor(specs: Readonly<Record<string, AggregateSpec>>) {
    let at = 0
    this.#members = Object.entries(specs).map(([name, spec]) => {
      const aggregate = AGGREGATES[spec.fn]
      const member = { name, aggregate, at, field: 'field' in spec ? spec.field : undefined }
      at += aggregate.slots
      return member
    })
  }

  create(): Accumulator {
    const state: Accumulator = []
    for (const { aggregate } of this.#members) aggregate.init(state)
    return state
  }

  add(state: Accumulator, data: Readonly<Record<string, unknown>>): void {
    for (const { aggregate, at, field } of this.#members) {
      aggregate.add(state, at, field === undefined ? 0 : (data[field] as number))
    }
  }

  merge(into: Accumulator, from: readonly number[]): void {
    for (const { aggregate, at } of this.#members) aggregate.merge(into, from, at)
  }

  result(state: readonly number[]): Record<string, number> {
    const value: Record<string, number> = {}
    for (const { name, aggregate, at } of this.#members) value[name] = aggregate.result(state, at)
    return value
  }
}
