import { NEW_SEQUENCE } from '@tidegate/protocol'
import { arm } from './effect.ts'
import type { EventOf, WelcomeFrame } from './event.ts'
import { awaitMore } from './listening.ts'
import type { Connected, Memory, StateOf } from './state.ts'
import { askToken, missingToken, tokenTaken } from './token.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** A gateway that has not greeted by then is not there. */
const GREETING_DEADLINE_MS = 10_000
/** Silence for this many ping intervals is a dead connection. */
const SILENCE_INTERVALS = 2.5

/** Every connection starts here, except one that replaces another. */
export function attempt(state: StateOf<'idle' | 'waiting'>, _: unknown, { now }: Surroundings): Step {
  return attemptWith(state.memory, now)
}

export function attemptWith(before: Memory, now: number): Step {
  const memory = { ...before, attempts: before.attempts + 1 }
  const reason = missingToken(memory, now)
  if (reason === undefined) return connect({ memory })
  const asked = askToken(memory, reason)
  return to({ kind: 'authorizing', sockets: [], memory: asked.memory }, ...asked.effects)
}

/** Opens a socket. */
export function connect({ memory }: { readonly memory: Memory }): Step {
  const socket = memory.newest + 1
  const silenceMs = GREETING_DEADLINE_MS
  return to(
    { kind: 'connecting', sockets: [socket], memory: { ...memory, newest: socket, fault: undefined }, silenceMs },
    { kind: 'open', socket },
    arm('silence', silenceMs),
  )
}

/** The socket is open: `hello` is its first frame. */
export function greet(state: Connected, { socket }: EventOf<'opened'>, { wallTime }: Surroundings): Step {
  const { memory } = state
  // Larger than any session this producer had before, in this process or an earlier one.
  const session = Math.max(memory.session + 1, wallTime)
  return to(
    { ...state, memory: { ...memory, session } },
    { kind: 'greet', socket, session, sequence: memory.sequence, returning: memory.wasOnline },
  )
}

export function welcome(
  state: StateOf<'connecting'>,
  { frame }: EventOf<'welcomed'>,
  surroundings: Surroundings,
): Step {
  const { values, effects } = greeted(state, frame, surroundings)
  return to({ kind: 'online', sockets: state.sockets, ...values }, ...effects)
}

/** The values a greeting gives a connection, and what follows from it. */
export function greeted(
  state: Connected,
  frame: WelcomeFrame,
  surroundings: Surroundings,
): { readonly values: Omit<StateOf<'online'>, 'kind' | 'sockets'>; readonly effects: Step['effects'] } {
  const { memory, effects } = tokenTaken(state.memory, frame.expiresInMs, surroundings)
  const { sequence } = memory.sequence === NEW_SEQUENCE ? frame : memory
  const values = {
    memory: { ...memory, sequence, wasOnline: true, attempts: 0 },
    silenceMs: SILENCE_INTERVALS * frame.pingMs,
    onlineSince: surroundings.now,
  }
  return { values, effects: [awaitMore(values), ...effects, { kind: 'online', publish: frame.publish, sequence }] }
}
