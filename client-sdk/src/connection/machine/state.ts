import { NEW_SEQUENCE, type ServerFrame } from '@tidegate/protocol'
import type { TokenState } from './token-state.ts'

export type ConnectionStatus = 'idle' | 'connecting' | 'online' | 'offline' | 'closed'

/** Sockets are numbered in the order of opening, so that late events of an old one are recognised. */
export type SocketId = number

export type TimerName = 'retry' | 'drain' | 'silence' | 'renew'

export type ErrorFrame = Extract<ServerFrame, { type: 'error' }>

/** Values that outlive a single socket. */
export interface Memory {
  /** The newest socket so far; 0 before the first. */
  readonly newest: SocketId
  /** The newest session so far. Every `hello` has a larger one. */
  readonly session: number
  /**
   * Name of this client's sequence, in which frames are counted from 1, whatever its producer published before. A
   * server without sequences gives none.
   */
  readonly sequence: string | undefined
  readonly wasOnline: boolean
  /** Failures in a row, for the backoff. */
  readonly failures: number
  /** Attempts begun since a gateway greeted last. */
  readonly attempts: number
  /** When something was tried because of a probe, by the monotonic clock. */
  readonly probedAt: number
  /** The server's last error on the connection itself. */
  readonly fault: ErrorFrame | undefined
  readonly token: TokenState
  /** Tokens asked for since a gateway last took one. */
  readonly asks: number
}

export interface Wait {
  /** When it is over, by the clock on the wall. */
  readonly until: number
  /** The server asked for it: a probe does not cut it short. */
  readonly isAdvised: boolean
}

interface Disconnected {
  readonly sockets: readonly []
  readonly memory: Memory
}

interface Attempting {
  /** Frames are sent on the first one: the present socket. */
  readonly sockets: readonly [present: SocketId]
  readonly memory: Memory
  /** Silence for longer than this is a dead connection. */
  readonly silenceMs: number
}

interface Greeted extends Attempting {
  /** By the monotonic clock. */
  readonly onlineSince: number
}

type Paired<Others> = Omit<Greeted, 'sockets'> & { readonly sockets: Others }

/** Every state carries exactly the values that are valid in it. */
export type State =
  /** Not opened yet. */
  | ({ readonly kind: 'idle' } & Disconnected)
  /** The application is asked for a token. A socket is opened when there is one. */
  | ({ readonly kind: 'authorizing' } & Disconnected)
  /** A socket is opening, or waits for the greeting. */
  | ({ readonly kind: 'connecting' } & Attempting)
  | ({ readonly kind: 'online' } & Greeted)
  /** The gateway is about to stop. Another connection is opened when the drain timer fires. */
  | ({ readonly kind: 'draining' } & Greeted)
  /** The other connection is being opened; the present one still delivers and acknowledges. */
  | ({ readonly kind: 'replacing' } & Paired<readonly [present: SocketId, successor: SocketId]>)
  /** The other connection is the present one; the former one delivers until every subscription is granted. */
  | ({ readonly kind: 'handing_over' } & Paired<readonly [present: SocketId, predecessor: SocketId]>)
  /** The connection was lost. The next attempt starts when the retry timer fires. */
  | ({ readonly kind: 'waiting'; readonly wait: Wait } & Disconnected)
  /** For good. */
  | { readonly kind: 'closed'; readonly sockets: readonly [] }

export type StateKind = State['kind']
export type StateOf<Kind extends StateKind> = Extract<State, { kind: Kind }>

/** States with a socket. */
export type Connected = Exclude<State, { sockets: readonly [] }>

/** States of a connection that works. */
export type GreetedState = Exclude<Connected, { kind: 'connecting' }>

export function initialState(token: TokenState): State {
  const counts = { newest: 0, session: 0, failures: 0, attempts: 0, asks: 0, probedAt: Number.NEGATIVE_INFINITY }
  const memory = { ...counts, sequence: NEW_SEQUENCE, wasOnline: false, fault: undefined, token }
  return { kind: 'idle', sockets: [], memory }
}

/** The status that the application sees in a state. */
export const STATUS: Readonly<Record<StateKind, ConnectionStatus>> = {
  idle: 'idle',
  authorizing: 'connecting',
  connecting: 'connecting',
  online: 'online',
  draining: 'online',
  replacing: 'online',
  handing_over: 'online',
  waiting: 'offline',
  closed: 'closed',
}

/** Timers that run in a state; `renew` only with a token function, while that is not asked. */
export const TIMERS = {
  idle: [],
  authorizing: [],
  connecting: ['silence'],
  online: ['silence', 'renew'],
  draining: ['silence', 'drain', 'renew'],
  replacing: ['silence', 'renew'],
  handing_over: ['silence', 'renew'],
  waiting: ['retry'],
  closed: [],
} as const satisfies Record<StateKind, readonly TimerName[]>
