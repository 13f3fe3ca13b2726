import type { ClientFrame } from '@tidegate/protocol'
import { arm } from './effect.ts'
import { attemptWith } from './greeting.ts'
import { abandon, failuresOf } from './leaving.ts'
import type { GreetedState, StateOf } from './state.ts'
import { ignore, type Step, type Surroundings, to } from './transition.ts'

/** A gateway that is there answers sooner, also over a slow network. */
const ANSWER_DEADLINE_MS = 5_000
/** However often the network comes and goes, so long an attempt is left to itself. */
const RETRY_REST_MS = 1_000
/** Answered at once by every gateway, whatever the limits: subscriptions count from 1. */
const QUESTION: ClientFrame = { type: 'unsubscribe', sub: 0 }

/** The application wants a new connection at once, whatever there is. */
export function connectNow(state: GreetedState | StateOf<'waiting'>, _: unknown, surroundings: Surroundings): Step {
  const failures = state.kind === 'waiting' ? state.memory.failures : failuresOf(state, surroundings)
  const { state: next, effects } = attemptWith({ ...state.memory, failures }, surroundings.now)
  return to(next, ...abandon(state), { kind: 'offline' }, ...effects)
}

/** The network may be back: there is no reason to wait, unless the server gave one. */
export function hasten(state: StateOf<'waiting'>, event: unknown, surroundings: Surroundings): Step {
  const { memory, wait } = state
  const { now } = surroundings
  if (wait.isAdvised || now - memory.probedAt < RETRY_REST_MS) return ignore(state)
  return connectNow({ ...state, memory: { ...memory, probedAt: now } }, event, surroundings)
}

/** The other end may be gone unnoticed: if it does not say anything soon, it is. */
export function probe(state: GreetedState, _: unknown, { now }: Surroundings): Step {
  const { memory, sockets, silenceMs } = state
  if (now - memory.probedAt < ANSWER_DEADLINE_MS) return ignore(state)
  return to(
    { ...state, memory: { ...memory, probedAt: now } },
    { kind: 'send', socket: sockets[0], frame: QUESTION },
    arm('silence', Math.min(silenceMs, ANSWER_DEADLINE_MS)),
  )
}
