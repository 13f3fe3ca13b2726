import type { ClientEvent, ConnectionEvent, EventOf, SocketEvent } from './event.ts'
import { attempt, greet, welcome } from './greeting.ts'
import { finish, giveUp, lose, turnBack } from './leaving.ts'
import { bySocket, hear, listen, listenToPredecessor } from './listening.ts'
import { drain, drainEarly, outlive, release, replace, takeOver } from './replacement.ts'
import type { Connected, State, StateKind, StateOf, TIMERS } from './state.ts'
import { ignore, type Step, type Surroundings, type Transition } from './transition.ts'

/** The events possible in a state: every request of the client, its timers, and events of its sockets. */
type Possible<S extends StateKind> =
  | ClientEvent['kind']
  | `${(typeof TIMERS)[S][number]}_due`
  | (S extends Connected['kind'] ? SocketEvent['kind'] : never)

type Transitions = {
  readonly [S in StateKind]: { readonly [E in Possible<S>]: Transition<StateOf<S>, EventOf<E>> }
}

/** The transition of every event in every state. A missing cell does not compile. */
const TRANSITIONS: Transitions = {
  idle: { start: attempt, reconnect: ignore, resumed: ignore, close: finish },
  connecting: {
    opened: greet,
    welcomed: welcome,
    drained: turnBack,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    start: ignore,
    reconnect: giveUp,
    resumed: ignore,
    close: finish,
  },
  online: {
    opened: ignore,
    welcomed: hear,
    drained: drain,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    start: ignore,
    reconnect: giveUp,
    resumed: ignore,
    close: finish,
  },
  draining: {
    opened: ignore,
    welcomed: hear,
    drained: drain,
    received: listen,
    garbled: giveUp,
    lost: lose,
    silence_due: giveUp,
    drain_due: replace,
    start: ignore,
    reconnect: giveUp,
    resumed: ignore,
    close: finish,
  },
  replacing: {
    opened: bySocket(ignore, greet),
    welcomed: bySocket(hear, takeOver),
    drained: bySocket(hear, ignore),
    received: bySocket(listen, ignore),
    garbled: bySocket(giveUp, ignore),
    // There is no other gateway: this one ends sooner if fewer clients stay.
    lost: bySocket(lose, giveUp),
    silence_due: giveUp,
    start: ignore,
    reconnect: giveUp,
    resumed: ignore,
    close: finish,
  },
  handing_over: {
    opened: ignore,
    welcomed: bySocket(hear, ignore),
    drained: bySocket(drainEarly, ignore),
    received: bySocket(listen, listenToPredecessor),
    garbled: bySocket(giveUp, ignore),
    lost: bySocket(lose, outlive),
    silence_due: giveUp,
    start: ignore,
    reconnect: giveUp,
    resumed: release,
    close: finish,
  },
  waiting: { retry_due: attempt, start: ignore, reconnect: ignore, resumed: ignore, close: finish },
  closed: { start: ignore, reconnect: ignore, resumed: ignore, close: ignore },
}

/** One step of a connection. Pure: sockets, timers and listeners belong to the driver. */
export function step(state: State, event: ConnectionEvent, surroundings: Surroundings): Step {
  const sockets: readonly number[] = state.sockets
  if (event.from === 'socket' && !sockets.includes(event.socket)) return ignore(state)
  // Two look-ups lose the type of the table. An impossible event, that of a timer that does not run, has no cell.
  const row = TRANSITIONS[state.kind] as Readonly<Record<string, Transition<State, ConnectionEvent> | undefined>>
  return (row[event.kind] ?? ignore)(state, event, surroundings)
}
