import { NEW_SEQUENCE } from '@tidegate/protocol'
import { arm } from './effect.ts'
import type { EventOf, WelcomeFrame } from './event.ts'
import { awaitMore } from './listening.ts'
import type { Connected, State, StateOf } from './state.ts'
import { type Step, type Surroundings, to } from './transition.ts'

/** A gateway that has not greeted by then is not there. */
const GREETING_DEADLINE_MS = 10_000
/** Silence for this many ping intervals is a dead connection. */
const SILENCE_INTERVALS = 2.5

/** Opens a socket. Every connection starts here, except one that replaces another. */
export function attempt({ memory }: StateOf<'idle' | 'waiting'>): Step {
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

export function welcome(state: StateOf<'connecting'>, event: EventOf<'welcomed'>, { now }: Surroundings): Step {
  const { frame } = event
  const next: State = { kind: 'online', sockets: state.sockets, ...greeted(state, frame, now) }
  return to(next, awaitMore(next), { kind: 'online', publish: frame.publish })
}

/** The values a greeting gives a connection. */
export function greeted(
  { memory }: Connected,
  frame: WelcomeFrame,
  now: number,
): Omit<StateOf<'online'>, 'kind' | 'sockets'> {
  const { sequence } = memory.sequence === NEW_SEQUENCE ? frame : memory
  return {
    memory: { ...memory, sequence, wasOnline: true },
    silenceMs: SILENCE_INTERVALS * frame.pingMs,
    onlineSince: now,
  }
}
