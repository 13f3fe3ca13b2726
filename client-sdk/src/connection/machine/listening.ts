import type { ServerFrame } from '@tidegate/protocol'
import { arm, type Effect } from './effect.ts'
import type { EventOf, SocketEvent } from './event.ts'
import type { Connected, StateOf } from './state.ts'
import { ignore, type Step, type Surroundings, type Transition, to } from './transition.ts'

/** Frames that a replaced connection may still deliver: each event carries its position. */
const DELIVERY_TYPES: ReadonlySet<ServerFrame['type']> = new Set(['batch', 'gap', 'progress'])

/** A frame on the present socket that needs no answer in this state. It shows that the socket is alive. */
export function hear(state: Connected): Step {
  return to(state, awaitMore(state))
}

export function listen(state: Connected, { socket, frame, receipt }: EventOf<'received'>): Step {
  if (frame.type === 'ping') {
    return to(state, awaitMore(state), { kind: 'send', socket, frame: { type: 'pong', time: frame.time } })
  }
  const isFault = frame.type === 'error' && frame.id === undefined && frame.sub === undefined
  const next = isFault ? { ...state, memory: { ...state.memory, fault: frame } } : state
  return to(next, awaitMore(state), { kind: 'frame', frame, receipt })
}

/** Anything but deliveries from the predecessor concerns an older session. */
export function listenToPredecessor(state: StateOf<'handing_over'>, { frame, receipt }: EventOf<'received'>): Step {
  return DELIVERY_TYPES.has(frame.type) ? to(state, { kind: 'frame', frame, receipt }) : ignore(state)
}

/** Chooses between two sockets: the first transition is for the present one, the second for the other. */
export function bySocket<S extends Connected, E extends SocketEvent>(
  present: Transition<S, E>,
  other: Transition<S, E>,
): Transition<S, E> {
  return (state: S, event: E, surroundings: Surroundings) =>
    (event.socket === state.sockets[0] ? present : other)(state, event, surroundings)
}

/** Starts the wait for the next frame. */
export function awaitMore({ silenceMs }: Pick<Connected, 'silenceMs'>): Effect {
  return arm('silence', silenceMs)
}
