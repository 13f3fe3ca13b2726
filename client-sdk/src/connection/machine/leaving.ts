import { closeAdvice } from '@tidegate/protocol'
import { reconnectDelayMs } from '../../backoff.ts'
import { isDelay } from '../../frames/checks.ts'
import { arm, close, type Effect } from './effect.ts'
import type { Ending } from './ending.ts'
import type { EventOf } from './event.ts'
import type { Connected, State, StateOf } from './state.ts'
import { tokenRefused } from './token.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** A connection that lived this long was a success: the backoff starts again at its first attempt. */
const STABLE_MS = 5_000

/** The socket closed: its code decides whether to come back, its reason may say when. */
export function lose(state: Connected, { code, reason }: EventOf<'lost'>, surroundings: Surroundings): Step {
  const { fault, token } = state.memory
  const advice = closeAdvice(code)
  if (advice === 'stop' || (advice === 'new_token' && token.kind === 'fixed')) {
    return end(state, { by: 'server', code, reason, fault })
  }
  const next = afterRefusal(state, code)
  const step = waitAsTold(next, reason, surroundings)
  return advice === 'retry' ? step : to(step.state, ...step.effects, { kind: 'refused', fault })
}

/** There is no other gateway, or it refused: this one ends sooner if fewer clients stay. */
export function loseSuccessor(
  state: StateOf<'replacing'>,
  { code, reason }: EventOf<'lost'>,
  surroundings: Surroundings,
): Step {
  return waitAsTold(afterRefusal(state, code), reason, surroundings)
}

/** As long as the close reason says, if it does. */
function waitAsTold(state: Connected, reason: string, surroundings: Surroundings): Step {
  const advisedMs = advisedDelayMs(reason)
  return advisedMs === undefined
    ? giveUp(state, undefined, surroundings)
    : wait(state, advisedMs, true, failuresOf(state, surroundings), surroundings)
}

/** The connection is useless: another one is made later. */
export function giveUp(state: Connected | StateOf<'authorizing'>, _: unknown, surroundings: Surroundings): Step {
  const failures = failuresOf(state, surroundings)
  return wait(state, reconnectDelayMs(failures, surroundings.random), false, failures + 1, surroundings)
}

/** A gateway drains before it has greeted: nothing is on its way there. */
export function turnBack(
  state: StateOf<'connecting'>,
  { frame }: EventOf<'drained'>,
  surroundings: Surroundings,
): Step {
  return wait(state, frame.reconnectInMs, true, state.memory.failures, surroundings)
}

export function finish(state: State): Step {
  return end(state, { by: 'application' })
}

/** A refused token is not shown again. */
function afterRefusal<S extends Connected>(state: S, code: number): S {
  return closeAdvice(code) === 'new_token' ? { ...state, memory: tokenRefused(state.memory) } : state
}

function wait(
  state: Connected | StateOf<'authorizing'>,
  ms: number,
  isAdvised: boolean,
  failures: number,
  { wallTime }: Surroundings,
): Step {
  const memory = { ...state.memory, failures }
  const next: State = { kind: 'waiting', sockets: [], memory, wait: { until: wallTime + Math.ceil(ms), isAdvised } }
  return to(next, ...abandon(state), arm('retry', ms), { kind: 'offline' })
}

function end(state: State, ending: Ending): Step {
  return to({ kind: 'closed', sockets: [] }, ...abandon(state), { kind: 'closed', ending })
}

/** Stops everything that runs in a state. */
export function abandon({ sockets }: State): Effect[] {
  return [{ kind: 'disarm' }, ...sockets.map(close)]
}

/** Of the backoff, after this state. */
export function failuresOf(state: Connected | StateOf<'authorizing'>, { now }: Surroundings): number {
  const isAttempt = state.kind === 'connecting' || state.kind === 'authorizing'
  return isAttempt || now - state.onlineSince < STABLE_MS ? state.memory.failures : 0
}

/** The wait that a close reason asks for, if any. */
function advisedDelayMs(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown }
    return isDelay(retryAfterMs) ? retryAfterMs : undefined
  } catch {
    return undefined
  }
}
