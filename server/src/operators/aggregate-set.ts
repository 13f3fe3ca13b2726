import { assertNever } from '../assert-never.ts'
import type { AggregateSpec } from '../config/contract/model.ts'
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
  /** One state for each other aggregate. */
  readonly sketches: unknown[]
}

/** Shared by all accumulators without sketches: a million of them save a million arrays. */
const NO_SKETCHES: unknown[] = []

type Compiled =
  | { readonly kind: 'slots'; readonly aggregate: Aggregate }
  | { readonly kind: 'sketch'; readonly sketch: AnySketch }

interface Named {
  readonly name: string
  /** Path of the value; absent for the data itself. */
  readonly field: Field | undefined
}

interface SlotMember extends Named {
  readonly kind: 'slots'
  readonly aggregate: Aggregate
  readonly at: number
}

interface SketchMember extends Named {
  readonly kind: 'sketch'
  readonly sketch: AnySketch
  readonly at: number
}

/**
 * The aggregates of one window, compiled from its spec. A spec that lacks the `field` its function takes, as
 * command-line replays allow, is computed from the data itself.
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
      if (compiled.kind === 'sketch') return { ...named, ...compiled, at: sketches++ }
      const at = slots
      slots += compiled.aggregate.slots
      return { ...named, ...compiled, at }
    })
    this.#slotMembers = this.#members.filter((member) => member.kind === 'slots')
    this.#sketchMembers = this.#members.filter((member) => member.kind === 'sketch')
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

  /** Adds everything in `from`. The two share nothing: merging into a new accumulator makes a copy. */
  merge(into: Accumulator, from: Accumulator): void {
    for (const { aggregate, at } of this.#slotMembers) aggregate.merge(into.slots, from.slots, at)
    for (const { sketch, at } of this.#sketchMembers) {
      into.sketches[at] = sketch.merge(into.sketches[at], from.sketches[at])
    }
  }

  /** By name, in declaration order; only values that JSON can carry. */
  result({ slots, sketches }: Accumulator): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const member of this.#members) {
      const { name, at } = member
      value[name] = member.kind === 'slots' ? member.aggregate.result(slots, at) : member.sketch.result(sketches[at])
    }
    return value
  }

  /** One line of text without `;`. Slots are comma-separated numbers: writing and reading JSON takes twice as long. */
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

/**
 * Anything but a number makes a result meaningless; added as it is, it would turn a slot into text that nobody could
 * read back.
 */
function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}

function decodeSlots(text: string): number[] {
  return text === '' ? [] : text.split(',').map(Number)
}

/** The data itself is added if more than one field of it counts. */
function valueField(spec: AggregateSpec): Field | undefined {
  if (spec.fn === 'topK' || !('field' in spec)) return undefined
  return parseField(spec.field)
}

const slots = (aggregate: Aggregate): Compiled => ({ kind: 'slots', aggregate })
const sketched = (sketch: AnySketch): Compiled => ({ kind: 'sketch', sketch })

function compile(spec: AggregateSpec): Compiled {
  switch (spec.fn) {
    case 'count':
      return slots(count)
    case 'sum':
      return slots(sum)
    case 'avg':
      return slots(avg)
    case 'min':
      return slots(min)
    case 'max':
      return slots(max)
    case 'stddev':
      return slots(stddev)
    case 'rate':
      return sketched(rate)
    case 'timeWeightedAvg':
      return sketched(timeWeightedAvg)
    case 'first':
      return sketched(first)
    case 'last':
      return sketched(last)
    case 'distinct':
      return sketched(distinct)
    case 'list':
      return sketched(list())
    case 'quantiles':
      return sketched(quantiles(spec.at))
    case 'topK':
      return sketched(topK(spec))
    case 'custom':
      return sketched(custom(spec))
    default:
      return assertNever(spec)
  }
}
