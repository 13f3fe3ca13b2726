import type { Aggregate } from './aggregate.ts'

/**
 * Standard deviation of the population, `sqrt(sum((x - mean)^2) / n)`, from a count, a mean and a sum of squared
 * differences from it: Welford, Note on a method for calculating corrected sums of squares and products, Technometrics
 * 1962. States merge as in Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample
 * variances, 1979.
 */
export const stddev: Aggregate = {
  slots: 3,
  init: (state) => void state.push(0, 0, 0),
  add: (state, at, value) => {
    const count = ++state[at]!
    const before = value - state[at + 1]!
    state[at + 1]! += before / count
    state[at + 2]! += before * (value - state[at + 1]!)
  },
  merge: (into, from, at) => {
    const added = from[at]!
    if (added === 0) return
    const before = into[at]!
    const count = before + added
    const difference = from[at + 1]! - into[at + 1]!
    into[at] = count
    into[at + 1]! += difference * (added / count)
    into[at + 2]! += from[at + 2]! + difference * difference * ((before * added) / count)
  },
  result: (state, at) => Math.sqrt(state[at + 2]! / state[at]!),
}
