/**
 * An aggregate of your own. Its functions run in the worker and MUST be pure, except that `add` and `merge` may change
 * and return the state they were given first. States are merged in any grouping, so `merge` MUST be associative.
 */
export interface CustomAggregate<Data, State, Result> {
  /**
   * Stands for the functions and the encoded form: raise it whenever one of them changes, and the window starts anew.
   */
  readonly version: number
  /** The state before the first event. */
  readonly init: () => State
  /** The state after one more event. `time` is that of the event, ms since 1970; events come in order of arrival, not of time. */
  readonly add: (state: State, data: Data, time: number) => State
  /** The state of what both have seen. */
  readonly merge: (into: State, from: State) => State
  /** What a pane shows: anything JSON can carry. */
  readonly result: (state: State) => Result
  /** The state as text, to be stored. */
  readonly encode: (state: State) => string
  /** The state that a text stands for. */
  readonly decode: (text: string) => State
}

/** An aggregate of your own for `aggregate`: `{ spread: custom({ version: 1, init: () => ..., ... }) }`. */
export function custom<Data, State, Result>(
  aggregate: CustomAggregate<Data, State, Result>,
): { readonly custom: CustomAggregate<Data, State, Result> } {
  return { custom: aggregate }
}
