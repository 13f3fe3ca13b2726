import type { ClientEvent, ConnectionEvent, EventOf, SocketEvent, TokenEvent } from './event.ts'
import { attempt, greet, welcome } from './greeting.ts'
import { finish, giveUp, lose, loseSuccessor, turnBack } from './leaving.ts'
import { bySocket, hear, listen, listenToPredecessor } from './listening.ts'
import { connectNow, hasten, probe } from './probing.ts'
import { authorize, keepToken, openWithToken, renew, renewLater, showToken } from './renewal.ts'
import { drain, drainEarly, outlive, release, replace, takeOver } from './replacement.ts'
import type { Connected, State, StateKind, StateOf, TIMERS } from './state.ts'
import { ignore, type Step, type Surroundings, type Transition } from './transition.ts'

/** The events possible in a state: every request of the client, tokens, its timers, and events of its sockets. */
type Possible<S extends StateKind> =
  | ClientEvent['kind']
  | TokenEvent['kind']
  | `${(typeof TIMERS)[S][number]}_due`
  | (S extends Connected['kind'] ? SocketEvent['kind'] : never)

type Transitions = {
  readonly [S in StateKind]: { readonly [E in Possible<S>]: Transition<StateOf<S>, EventOf<E>> }
}

/** The transition of every event in every state. A missing cell does not compile. */
const TRANSITIONS: Transitions = {
  idle: {
    token_ready: ignore,
    token_failed: ignore,
    start: attempt,
    reconnect: ignore,
    reconnect_now: ignore,
    probe: ignore,
    resumed: ignore,
    close: finish,
  },
  authorizing: {
    token_ready: openWithToken,
    token_failed: giveUp,
    start: ignore,
    reconnect: ignore,
    reconnect_now: ignore,
    probe: ignore,
    resumed: ignore,
    close: finish,
  },
  connecting: {
    opened: greet,
    welcomed: welcome,
    drained: turnBack,
    authorized: hear,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    token_ready: ignore,
    token_failed: ignore,
    start: ignore,
    reconnect: giveUp,
    reconnect_now: ignore,
    probe: ignore,
    resumed: ignore,
    close: finish,
  },
  online: {
    opened: ignore,
    welcomed: hear,
    drained: drain,
    authorized: authorize,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    renew_due: renew,
    token_ready: showToken,
    token_failed: renewLater,
    start: ignore,
    reconnect: giveUp,
    reconnect_now: connectNow,
    probe,
    resumed: ignore,
    close: finish,
  },
  draining: {
    opened: ignore,
    welcomed: hear,
    drained: drain,
    authorized: authorize,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    drain_due: replace,
    renew_due: renew,
    token_ready: showToken,
    token_failed: renewLater,
    start: ignore,
    reconnect: giveUp,
    reconnect_now: connectNow,
    probe,
    resumed: ignore,
    close: finish,
  },
  replacing: {
    opened: bySocket(ignore, greet),
    welcomed: bySocket(hear, takeOver),
    drained: bySocket(hear, ignore),
    authorized: bySocket(authorize, ignore),
    received: bySocket(listen, ignore),
    garbled: bySocket(giveUp, ignore),
    lost: bySocket(lose, loseSuccessor),
    silence_due: giveUp,
    renew_due: renew,
    token_ready: showToken,
    token_failed: renewLater,
    start: ignore,
    reconnect: giveUp,
    reconnect_now: connectNow,
    probe,
    resumed: ignore,
    close: finish,
  },
  handing_over: {
    opened: ignore,
    welcomed: bySocket(hear, ignore),
    drained: bySocket(drainEarly, ignore),
    authorized: bySocket(authorize, ignore),
    received: bySocket(listen, listenToPredecessor),
    garbled: bySocket(giveUp, ignore),
    lost: bySocket(lose, outlive),
    silence_due: giveUp,
    renew_due: renew,
    token_ready: showToken,
    token_failed: renewLater,
    start: ignore,
    reconnect: giveUp,
    reconnect_now: connectNow,
    probe,
    resumed: release,
    close: finish,
  },
  waiting: {
    retry_due: attempt,
    token_ready: keepToken,
    token_failed: ignore,
    start: ignore,
    reconnect: ignore,
    reconnect_now: connectNow,
    probe: hasten,
    resumed: ignore,
    close: finish,
  },
  closed: {
    token_ready: ignore,
    token_failed: ignore,
    start: ignore,
    reconnect: ignore,
    reconnect_now: ignore,
    probe: ignore,
    resumed: ignore,
    close: ignore,
  },
}

/** One step of a connection. Pure: sockets, timers and listeners belong to the driver. */
export function step(state: State, event: ConnectionEvent, surroundings: Surroundings): Step {
  const sockets: readonly number[] = state.sockets
  if (event.from === 'socket' && !sockets.includes(event.socket)) return ignore(state)
  // Two look-ups lose the type of the table. An impossible event, that of a timer that does not run, has no cell.
  const row = TRANSITIONS[state.kind] as Readonly<Record<string, Transition<State, ConnectionEvent> | undefined>>
  return (row[event.kind] ?? ignore)(state, event, surroundings)
}
