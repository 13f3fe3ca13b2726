import { reconnectDelayMs } from '../../backoff.ts'
import { arm } from './effect.ts'
import type { EventOf } from './event.ts'
import { connect } from './greeting.ts'
import { awaitMore } from './listening.ts'
import type { GreetedState, StateOf } from './state.ts'
import { askToken, tokenTaken } from './token.ts'
import { HELD } from './token-state.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** A gateway that has not taken a token by then could not check it. */
const TAKING_DEADLINE_MS = 10_000

/** The token expires soon. */
export function renew(state: GreetedState): Step {
  const { memory, effects } = askToken(state.memory, 'expiring')
  return to({ ...state, memory }, ...effects)
}

/** There is another token: the connection continues under it. If the gateway does not answer, one is asked for again. */
export function showToken(state: GreetedState): Step {
  return to(withToken(state), { kind: 'show', socket: state.sockets[0] }, arm('renew', TAKING_DEADLINE_MS))
}

/** There is no other token yet; the present one still counts for a while. */
export function renewLater(state: GreetedState, _: unknown, { random }: Surroundings): Step {
  return to(state, arm('renew', reconnectDelayMs(state.memory.asks, random)))
}

export function authorize(state: GreetedState, { frame }: EventOf<'authorized'>, surroundings: Surroundings): Step {
  const { memory, effects } = tokenTaken(state.memory, frame.expiresInMs, surroundings)
  return to({ ...state, memory }, awaitMore(state), ...effects)
}

/** The token that an attempt waits for. */
export function openWithToken(state: StateOf<'authorizing'>): Step {
  return connect(withToken(state))
}

/** A token that was asked for on a connection that is lost: the next one shows it. */
export function keepToken(state: StateOf<'waiting'>): Step {
  return to(withToken(state))
}

function withToken<S extends GreetedState | StateOf<'authorizing' | 'waiting'>>(state: S): S {
  return { ...state, memory: { ...state.memory, token: HELD } }
}
