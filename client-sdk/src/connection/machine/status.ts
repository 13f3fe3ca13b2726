import type { TidegateError } from '../../errors/errors.ts'
import { type ConnectionStatus, STATUS, type State } from './state.ts'

/** How it stands with the connection of a client. The object is another one whenever something in it is. */
export interface ClientStatus {
  /**
   * `idle` before the client is used, `connecting` during an attempt, `online` once a gateway has greeted, `offline` until
   * the next attempt, `closed` for good.
   */
  readonly state: ConnectionStatus
  /** Attempts since there was a connection, the present one included; 0 while there is one. */
  readonly attempt: number
  /** When the next attempt begins, ms since 1970 by the clock of this machine; `undefined` unless `offline`. */
  readonly nextRetryAt: number | undefined
  /** Why there is no connection; `undefined` while there is one, and where the application wants none. */
  readonly lastError: TidegateError | undefined
  /**
   * How long the newest event took from when it was stored until it was here, in ms by the clock of the server: small for
   * a client that keeps up, large for one that catches up or cannot. Looked at once a second at most, and another
   * one only if it differs by 100 ms. `undefined` before the first event of a connection, and for a client of `createSubscriber`.
   */
  readonly lagMs: number | undefined
}

export const INITIAL_STATUS: ClientStatus = {
  state: 'idle',
  attempt: 0,
  nextRetryAt: undefined,
  lastError: undefined,
  lagMs: undefined,
}

/** The status in a state. @param loss why the connection has just been lost, if it has */
export function statusAfter(before: ClientStatus, state: State, loss: TidegateError | undefined): ClientStatus {
  const isOnline = STATUS[state.kind] === 'online'
  return {
    state: STATUS[state.kind],
    attempt: state.kind === 'closed' ? 0 : state.memory.attempts,
    nextRetryAt: state.kind === 'waiting' ? state.wait.until : undefined,
    lastError: isOnline || state.kind === 'closed' ? loss : (loss ?? before.lastError),
    lagMs: isOnline ? before.lagMs : undefined,
  }
}
