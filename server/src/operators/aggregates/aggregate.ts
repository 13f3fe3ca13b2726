/**
 * A mergeable aggregate over numbers. Its state is `slots` numbers in a shared flat array from `at` on, so that the state
 * of a whole window is one small array: quick to update, compact to store.
 */
export interface Aggregate {
  readonly slots: number
  /** Appends the initial slots. A state exists only once an event was added, so they need not be storable. */
  init(state: number[]): void
  add(state: number[], at: number, value: number): void
  /** Adds what `from` saw. Associative and commutative up to rounding. */
  merge(into: number[], from: readonly number[], at: number): void
  result(state: readonly number[], at: number): number
}
