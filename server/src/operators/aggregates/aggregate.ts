/**
 * A mergeable aggregate over numbers. Its state is `slots` numbers in a shared flat array from `at` on, so that the
 * state of a whole window is one small array: quick to update, compact to store.
 */
export interface Aggregate {
  readonly slots: number
  /** Appends the initial slots. They need not be storable: a state is stored only after its first event. */
  init(state: number[]): void
  add(state: number[], at: number, value: number): void
  /** Adds everything in `from`. Associative and commutative up to rounding. */
  merge(into: number[], from: readonly number[], at: number): void
  result(state: readonly number[], at: number): number
}
