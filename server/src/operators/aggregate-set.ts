import { assertNever } from '../assert-never.ts'
import type { AggregateSpec } from '../config/model.ts'
import {
  type Aggregate,
  type AnySketch,
  avg,
  count,
  custom,
  distinct,
  type Field,
  first,
  last,
  list,
  max,
  min,
  parseField,
  quantiles,
  rate,
  readField,
  stddev,
  sum,
  timeWeightedAvg,
  topK,
} from './aggregates/index.ts'

/** State of all aggregates of a window and key. Opaque: only its `AggregateSet` reads it. */
export interface Accumulator {
  /** One flat array for all aggregates whose state is a few numbers. */
  readonly slots: number[]
  /** A state for each of the others. */
  readonly sketches: unknown[]
}

/** Shared by all accumulators that need none: a million of them are a million arrays less. */
const NO_SKETCHES: unknown[] = []

interface Named {
  readonly name: string
  /** Where the value is; absent for the data itself. */
  readonly field: Field | undefined
}

interface SlotMember extends Named {
  readonly aggregate: Aggregate
  readonly at: number
}

interface SketchMember extends Named {
  readonly sketch: AnySketch
  readonly at: number
}

/**
 * The aggregates of one window, compiled from its spec. A spec without the `field` its function takes, as the command
 * line replays, is computed from the data itself.
 */
export class AggregateSet {
  /** In declaration order. */
  readonly #members: readonly (SlotMember | SketchMember)[]
  readonly #slotMembers: readonly SlotMember[]
  readonly #sketchMembers: readonly SketchMember[]

  constructor(specs: Readonly<Record<string, AggregateSpec>>) {
    let slots = 0
    let sketches = 0
    this.#members = Object.entries(specs).map(([name, spec]) => {
      const compiled = compile(spec)
      const named = { name, field: valueField(spec) }
      if (!('slots' in compiled)) return { ...named, sketch: compiled, at: sketches++ }
      const member = { ...named, aggregate: compiled, at: slots }
      slots += compiled.slots
      return member
    })
    this.#slotMembers = this.#members.filter((member) => 'aggregate' in member)
    this.#sketchMembers = this.#members.filter((member) => 'sketch' in member)
  }

  create(): Accumulator {
    const slots: number[] = []
    for (const { aggregate } of this.#slotMembers) aggregate.init(slots)
    if (this.#sketchMembers.length === 0) return { slots, sketches: NO_SKETCHES }
    return { slots, sketches: this.#sketchMembers.map(({ sketch }) => sketch.init()) }
  }

  /** @param time of the event, ms. */
  add({ slots, sketches }: Accumulator, data: unknown, time: number): void {
    for (const { aggregate, at, field } of this.#slotMembers) {
      aggregate.add(slots, at, asNumber(readField(data, field)))
    }
    for (const { sketch, at, field } of this.#sketchMembers) {
      sketches[at] = sketch.add(sketches[at], readField(data, field), time)
    }
  }

  /** Adds what `from` saw. The two share nothing: merging into a new accumulator makes a copy. */
  merge(into: Accumulator, from: Accumulator): void {
    for (const { aggregate, at } of this.#slotMembers) aggregate.merge(into.slots, from.slots, at)
    for (const { sketch, at } of this.#sketchMembers) {
      into.sketches[at] = sketch.merge(into.sketches[at], from.sketches[at])
    }
  }

  /** By name, in declaration order; what JSON can carry. */
  result({ slots, sketches }: Accumulator): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const member of this.#members) {
      const { name, at } = member
      value[name] = 'aggregate' in member ? member.aggregate.result(slots, at) : member.sketch.result(sketches[at])
    }
    return value
  }

  /** One line of text without `;`. Slots are plain numbers in a row: writing and reading JSON takes twice as long. */
  encode({ slots, sketches }: Accumulator): string {
    let text = slots.join(',')
    for (const { sketch, at } of this.#sketchMembers) text += `|${sketch.encode(sketches[at])}`
    return text
  }

  /** @throws Error for a state of another version. */
  decode(text: string): Accumulator {
    if (this.#sketchMembers.length === 0) return { slots: decodeSlots(text), sketches: NO_SKETCHES }
    const [slots, ...states] = text.split('|') as [string, ...string[]]
    return {
      slots: decodeSlots(slots),
      sketches: this.#sketchMembers.map(({ sketch, at }) => sketch.decode(states[at]!)),
    }
  }
}

/** What is no number makes a result meaningless; added as it is, it would make text of a slot, which nobody could read again. */
function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}

function decodeSlots(text: string): number[] {
  return text === '' ? [] : text.split(',').map(Number)
}

/** What is added is the data itself where more than one field of it counts. */
function valueField(spec: AggregateSpec): Field | undefined {
  if (spec.fn === 'topK' || !('field' in spec)) return undefined
  return parseField(spec.field)
}

function compile(spec: AggregateSpec): Aggregate | AnySketch {
  switch (spec.fn) {
    case 'count':
      return count
    case 'sum':
      return sum
    case 'avg':
      return avg
    case 'min':
      return min
    case 'max':
      return max
    case 'stddev':
      return stddev
    case 'rate':
      return rate
    case 'timeWeightedAvg':
      return timeWeightedAvg
    case 'first':
      return first
    case 'last':
      return last
    case 'distinct':
      return distinct
    case 'list':
      return list()
    case 'quantiles':
      return quantiles(spec.at)
    case 'topK':
      return topK(spec)
    case 'custom':
      return custom(spec)
    default:
      return assertNever(spec)
  }
}
