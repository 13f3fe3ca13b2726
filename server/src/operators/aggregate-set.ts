import type { AggregateSpec } from '../config/model.ts'
import { type Aggregate, avg, count, max, min, sum } from './aggregates/index.ts'

const AGGREGATES: Readonly<Record<AggregateSpec['fn'], Aggregate>> = { count, sum, avg, min, max }

/** State of all aggregates of a window and key. Opaque: only its `AggregateSet` reads it. */
export interface Accumulator {
  /** One flat array for all aggregates whose state is a few numbers. */
  readonly slots: number[]
}

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
    const slots: number[] = []
    for (const { aggregate } of this.#members) aggregate.init(slots)
    return { slots }
  }

  add({ slots }: Accumulator, data: Readonly<Record<string, unknown>>): void {
    for (const { aggregate, at, field } of this.#members) {
      aggregate.add(slots, at, field === undefined ? 0 : (data[field] as number))
    }
  }

  merge(into: Accumulator, from: Accumulator): void {
    for (const { aggregate, at } of this.#members) aggregate.merge(into.slots, from.slots, at)
  }

  result({ slots }: Accumulator): Record<string, number> {
    const value: Record<string, number> = {}
    for (const { name, aggregate, at } of this.#members) value[name] = aggregate.result(slots, at)
    return value
  }

  /** One line of text. Plain numbers in a row: writing and reading JSON takes twice as long. */
  encode({ slots }: Accumulator): string {
    return slots.join(',')
  }

  decode(text: string): Accumulator {
    return { slots: text.split(',').map(Number) }
  }
}
