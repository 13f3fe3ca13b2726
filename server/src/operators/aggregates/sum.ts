import type { Aggregate } from './aggregate.ts'

/**
 * Sum with Neumaier's compensation (Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen, 1974): the
 * error does not grow with the number of values.
 */
export const sum: Aggregate = {
  slots: 2,
  init: (state) => void state.push(0, 0),
  add: addCompensated,
  merge: (into, from, at) => {
    addCompensated(into, at, from[at]!)
    into[at + 1]! += from[at + 1]!
  },
  result: (state, at) => state[at]! + state[at + 1]!,
}

/** Adds to the sum at `at`; the slot after it keeps the rounding error. */
function addCompensated(state: number[], at: number, value: number): void {
  const before = state[at]!
  const after = before + value
  state[at + 1]! += Math.abs(before) >= Math.abs(value) ? before - after + value : value - after + before
  state[at] = after
}
