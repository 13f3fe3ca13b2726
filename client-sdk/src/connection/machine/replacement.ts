import { arm, close } from './effect.ts'
import type { EventOf } from './event.ts'
import { greeted } from './greeting.ts'
import { awaitMore } from './listening.ts'
import type { State, StateOf } from './state.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** The gateway is about to stop and says when to connect elsewhere. */
export function drain(state: StateOf<'online' | 'draining'>, { frame }: EventOf<'drained'>): Step {
  return to({ ...state, kind: 'draining' }, awaitMore(state), arm('drain', frame.reconnectInMs))
}

/**
 * The next gateway stops too. Deliveries that the former one still owed are requested again from their last position.
 */
export function drainEarly(state: StateOf<'handing_over'>, event: EventOf<'drained'>): Step {
  const [present, predecessor] = state.sockets
  const { state: next, effects } = drain({ ...state, kind: 'online', sockets: [present] }, event)
  return to(next, close(predecessor), ...effects)
}

/** Opens another connection before this one is left. */
export function replace(state: StateOf<'draining'>): Step {
  const successor = state.memory.newest + 1
  const memory = { ...state.memory, newest: successor }
  return to(
    { ...state, kind: 'replacing', sockets: [state.sockets[0], successor], memory },
    { kind: 'leaving' },
    { kind: 'open', socket: successor },
  )
}

/** The other gateway greeted: its connection is the present one from now on. */
export function takeOver(
  state: StateOf<'replacing'>,
  { frame }: EventOf<'welcomed'>,
  surroundings: Surroundings,
): Step {
  const [predecessor, present] = state.sockets
  const { values, effects } = greeted(state, frame, surroundings)
  return to({ kind: 'handing_over', sockets: [present, predecessor], ...values }, { kind: 'offline' }, ...effects)
}

/** Every subscription is granted on the present connection. */
export function release(state: StateOf<'handing_over'>): Step {
  return to(alone(state), close(state.sockets[1]))
}

/** The predecessor closed by itself. */
export function outlive(state: StateOf<'handing_over'>): Step {
  return to(alone(state))
}

function alone(state: StateOf<'handing_over'>): State {
  return { ...state, kind: 'online', sockets: [state.sockets[0]] }
}
