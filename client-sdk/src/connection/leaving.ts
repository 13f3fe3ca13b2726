import { closeAdvice } from '@tidegate/protocol'
import { reconnectDelayMs } from '../backoff.ts'
import { arm, close, type Effect } from './effect.ts'
import type { Ending } from './ending.ts'
import type { EventOf } from './event.ts'
import type { Connected, State, StateOf } from './state.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** A connection that lived this long was a success: the backoff starts again at its first attempt. */
const STABLE_MS = 5_000

/** The socket closed: its code decides whether to come back, its reason may say when. */
export function lose(state: Connected, { code, reason }: EventOf<'lost'>, surroundings: Surroundings): Step {
  const advice = closeAdvice(code)
  switch (advice) {
    case 'retry': {
      const advisedMs = advisedDelayMs(reason)
      if (advisedMs === undefined) return giveUp(state, undefined, surroundings)
      return wait(state, advisedMs, failuresOf(state, surroundings))
    }
    case 'new_token':
    case 'stop':
      return end(state, { by: 'server', code, reason, fault: state.memory.fault })
  }
}

/** The connection is useless: another one is made later. */
export function giveUp(state: Connected, _: unknown, surroundings: Surroundings): Step {
  const failures = failuresOf(state, surroundings)
  return wait(state, reconnectDelayMs(failures, surroundings.random), failures + 1)
}

/** A gateway drains before it has greeted: nothing is on its way there. */
export function turnBack(state: StateOf<'connecting'>, { frame }: EventOf<'drained'>): Step {
  return wait(state, frame.reconnectInMs, state.memory.failures)
}

export function finish(state: State): Step {
  return end(state, { by: 'application' })
}

function wait(state: Connected, ms: number, failures: number): Step {
  const memory = { ...state.memory, failures }
  return to({ kind: 'waiting', sockets: [], memory }, ...abandon(state), arm('retry', ms), { kind: 'offline' })
}

function end(state: State, ending: Ending): Step {
  return to({ kind: 'closed', sockets: [] }, ...abandon(state), { kind: 'closed', ending })
}

/** Stops everything that runs in a state. */
function abandon({ sockets }: State): Effect[] {
  return [{ kind: 'disarm' }, ...sockets.map(close)]
}

function failuresOf(state: Connected, { now }: Surroundings): number {
  const isStable = state.kind !== 'connecting' && now - state.onlineSince >= STABLE_MS
  return isStable ? 0 : state.memory.failures
}

/** The wait that a close reason asks for, if any. */
function advisedDelayMs(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown }
    return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
  } catch {
    return undefined
  }
}
