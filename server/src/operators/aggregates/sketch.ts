/**
 * A mergeable aggregate whose state is an object of its own. `add` and `merge` may change the state they are given first,
 * and return the state from then on.
 */
export interface Sketch<State> {
  init(): State
  /** @param value what JSON can carry; what the sketch cannot use is left out. @param time of the event, ms. */
  add(state: State, value: unknown, time: number): State
  /** Adds what `from` saw. MUST NOT keep any part of `from` that could change. */
  merge(into: State, from: State): State
  result(state: State): unknown
  /** Text without line ends, `;` and `|`. */
  encode(state: State): string
  /** @throws Error for text of another version. */
  decode(text: string): State
}

/** Any sketch, beside others. Each MUST be given only states of its own. */
// biome-ignore lint/suspicious/noExplicitAny: a state is the affair of its sketch alone
export type AnySketch = Sketch<any>
