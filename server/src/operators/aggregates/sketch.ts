/**
 * A mergeable aggregate whose state is an object. `add` and `merge` may change their first argument, and return the
 * state to use from then on.
 */
export interface Sketch<State> {
  init(): State
  /** @param value what JSON can carry; unusable values are skipped. @param time of the event, ms. */
  add(state: State, value: unknown, time: number): State
  /** Adds everything in `from`. MUST NOT keep any part of `from` that could change. */
  merge(into: State, from: State): State
  result(state: State): unknown
  /** Text without line ends, `;` and `|`. */
  encode(state: State): string
  /** @throws Error for text of another version. */
  decode(text: string): State
}

/** Any sketch, beside others. Each MUST get only its own states. */
// biome-ignore lint/suspicious/noExplicitAny: a state is the affair of its sketch alone
export type AnySketch = Sketch<any>
