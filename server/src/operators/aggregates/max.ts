import type { Aggregate } from './aggregate.ts'

/** Largest value. */
export const max: Aggregate = {
  slots: 1,
  init: (state) => void state.push(Number.NEGATIVE_INFINITY),
  add: (state, at, value) => {
    if (value > state[at]!) state[at] = value
  },
  merge: (into, from, at) => {
    if (from[at]! > into[at]!) into[at] = from[at]!
  },
  result: (state, at) => state[at]!,
}
