import type { AggregateSpec } from '../../../src/config/contract/model.ts'

interface Spread {
  ends: { min: number; max: number }
}

type Custom = Extract<AggregateSpec, { fn: 'custom' }>['aggregate']

/** A custom aggregate that keeps parts of what it merges and writes all that a text may hold. */
export const spread = {
  version: 7,
  init: (): Spread => ({ ends: { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY } }),
  add: (state: Spread, data: unknown) => {
    const { v } = (data ?? {}) as { v?: number }
    if (v === undefined) return state
    state.ends.min = Math.min(state.ends.min, v)
    state.ends.max = Math.max(state.ends.max, v)
    return state
  },
  merge: (into: Spread, from: Spread) => {
    if (from.ends.min > from.ends.max) return into
    if (into.ends.min > into.ends.max) return { ends: from.ends }
    const ends = { min: Math.min(into.ends.min, from.ends.min), max: Math.max(into.ends.max, from.ends.max) }
    return { ends }
  },
  result: ({ ends }: Spread) => ends.max - ends.min,
  encode: ({ ends }: Spread) => `;|\n\ud800 ${ends.min} ${ends.max}`,
  decode: (text: string): Spread => {
    const [, min, max] = text.split(' ').map(Number) as [number, number, number]
    return { ends: { min, max } }
  },
} as Custom
