import type { Aggregate } from './aggregate.ts'

/** Number of events. */
export const count: Aggregate = {
  slots: 1,
  init: (state) => void state.push(0),
  add: (state, at) => {
    state[at]!++
  },
  merge: (into, from, at) => {
    into[at]! += from[at]!
  },
  result: (state, at) => state[at]!,
}
