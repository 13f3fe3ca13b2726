import type { Aggregate } from './aggregate.ts'
import { sum } from './sum.ts'

/** Arithmetic mean: a compensated sum and a count. */
export const avg: Aggregate = {
  slots: sum.slots + 1,
  init: (state) => {
    sum.init(state)
    state.push(0)
  },
  add: (state, at, value) => {
    sum.add(state, at, value)
    state[at + sum.slots]!++
  },
  merge: (into, from, at) => {
    sum.merge(into, from, at)
    into[at + sum.slots]! += from[at + sum.slots]!
  },
  result: (state, at) => sum.result(state, at) / state[at + sum.slots]!,
}
