import type { Effect } from './effect.ts'
import type { ConnectionEvent } from './event.ts'
import type { State } from './state.ts'

/** The inputs of a step besides state and event. */
export interface Surroundings {
  /** Milliseconds of a monotonic clock. */
  readonly now: number
  /** Milliseconds since 1970. */
  readonly wallTime: number
  /** In [0, 1). */
  readonly random: number
}

/** The next state, and the effects to run. */
export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}

/** One cell of the table. */
export type Transition<S extends State, E extends ConnectionEvent> = (
  state: S,
  event: E,
  surroundings: Surroundings,
) => Step

const NOTHING: readonly Effect[] = []

export function to(state: State, ...effects: readonly Effect[]): Step {
  return { state, effects }
}

/** The event has no meaning in this state. */
export function ignore(state: State): Step {
  return { state, effects: NOTHING }
}
