import type { ServerFrame } from '@tidegate/protocol'
import type { Effect } from '../../src/connection/machine/effect.ts'
import type { ConnectionEvent, Happening } from '../../src/connection/machine/event.ts'
import type { SocketId, State, StateKind } from '../../src/connection/machine/state.ts'
import { HELD } from '../../src/connection/machine/token-state.ts'
import { FrameReceipt } from '../../src/frames/credit.ts'
import { welcome } from './welcome.ts'

/** The present socket in every state that has one, the other one where there are two, and one that was closed before. */
export const PRESENT = 1
export const OTHER = 2
const STALE = 9

/** Of a client that asks for tokens, and was given one. */
const memory = {
  ...{ newest: 2, session: 7, sequence: 'q', wasOnline: true, failures: 3, fault: undefined, asks: 1 },
  ...{ attempts: 2, probedAt: -60_000 },
  token: HELD,
}
const online = { memory, sockets: [PRESENT], silenceMs: 250, onlineSince: 0 } as const

/** One state of each kind. */
export const STATES: { readonly [Kind in StateKind]: Extract<State, { kind: Kind }> } = {
  idle: { kind: 'idle', sockets: [], memory },
  authorizing: { kind: 'authorizing', sockets: [], memory },
  connecting: { kind: 'connecting', memory, sockets: [PRESENT], silenceMs: 10_000 },
  online: { kind: 'online', ...online },
  draining: { kind: 'draining', ...online },
  replacing: { kind: 'replacing', ...online, sockets: [PRESENT, OTHER] },
  handing_over: { kind: 'handing_over', ...online, sockets: [PRESENT, OTHER] },
  waiting: { kind: 'waiting', sockets: [], memory, wait: { until: 0, isAdvised: false } },
  closed: { kind: 'closed', sockets: [] },
}

export const WELCOME = welcome({ pingMs: 40 })

/** For half a minute. */
export const AUTHORIZED: Extract<ServerFrame, { type: 'authorized' }> = { type: 'authorized', expiresInMs: 30_000 }

export const DRAIN: Extract<ServerFrame, { type: 'drain' }> = {
  type: 'drain',
  reconnectInMs: 60,
  deadlineMs: 5_000,
  reason: 'deploy',
}

export const received = (frame: ServerFrame): Happening => ({
  kind: 'received',
  frame,
  receipt: new FrameReceipt(0, 0, { isFull: false }, () => {}),
})

const ack = received({ type: 'ack', seq: 1, at: [] })
const batch = received({ type: 'batch', parts: [] })
const ping = received({ type: 'ping', time: 5 })
const on = (socket: SocketId, happening: Happening): ConnectionEvent => ({ from: 'socket', socket, ...happening })

/** Every kind of event, on every socket that it can come from, with the values on which an answer depends. */
export const EVENTS = {
  start: { from: 'client', kind: 'start' },
  opened: on(PRESENT, { kind: 'opened' }),
  welcomed: on(PRESENT, { kind: 'welcomed', frame: WELCOME }),
  drained: on(PRESENT, { kind: 'drained', frame: DRAIN }),
  authorized: on(PRESENT, { kind: 'authorized', frame: AUTHORIZED }),
  received: on(PRESENT, ack),
  'received batch': on(PRESENT, batch),
  'received ping': on(PRESENT, ping),
  garbled: on(PRESENT, { kind: 'garbled' }),
  lost: on(PRESENT, { kind: 'lost', code: 1_006, reason: '' }),
  'lost with advice': on(PRESENT, { kind: 'lost', code: 4_008, reason: '{"retryAfterMs":250}' }),
  'lost for a token': on(PRESENT, { kind: 'lost', code: 4_401, reason: '' }),
  'lost for good': on(PRESENT, { kind: 'lost', code: 4_502, reason: '' }),
  'other opened': on(OTHER, { kind: 'opened' }),
  'other welcomed': on(OTHER, { kind: 'welcomed', frame: WELCOME }),
  'other drained': on(OTHER, { kind: 'drained', frame: DRAIN }),
  'other authorized': on(OTHER, { kind: 'authorized', frame: AUTHORIZED }),
  'other received': on(OTHER, ack),
  'other received batch': on(OTHER, batch),
  'other received ping': on(OTHER, ping),
  'other garbled': on(OTHER, { kind: 'garbled' }),
  'other lost': on(OTHER, { kind: 'lost', code: 1_006, reason: '' }),
  'other lost for a token': on(OTHER, { kind: 'lost', code: 4_401, reason: '' }),
  'other lost for good': on(OTHER, { kind: 'lost', code: 4_502, reason: '' }),
  'stale opened': on(STALE, { kind: 'opened' }),
  'stale welcomed': on(STALE, { kind: 'welcomed', frame: WELCOME }),
  'stale drained': on(STALE, { kind: 'drained', frame: DRAIN }),
  'stale received': on(STALE, batch),
  'stale garbled': on(STALE, { kind: 'garbled' }),
  'stale lost for good': on(STALE, { kind: 'lost', code: 4_502, reason: '' }),
  retry_due: { from: 'timer', kind: 'retry_due' },
  drain_due: { from: 'timer', kind: 'drain_due' },
  renew_due: { from: 'timer', kind: 'renew_due' },
  silence_due: { from: 'timer', kind: 'silence_due' },
  token_ready: { from: 'token', kind: 'token_ready' },
  token_failed: { from: 'token', kind: 'token_failed' },
  reconnect: { from: 'client', kind: 'reconnect' },
  reconnect_now: { from: 'client', kind: 'reconnect_now' },
  probe: { from: 'client', kind: 'probe' },
  resumed: { from: 'client', kind: 'resumed' },
  close: { from: 'client', kind: 'close' },
} as const satisfies Readonly<Record<string, ConnectionEvent>>

export type EventName = keyof typeof EVENTS

/** An effect in a few words. */
export function inWords(effect: Effect): string {
  switch (effect.kind) {
    case 'open':
    case 'close':
    case 'greet':
    case 'show':
      return `${effect.kind} ${effect.socket}`
    case 'send':
      return `send ${effect.frame.type} on ${effect.socket}`
    case 'ask':
      return `ask ${effect.reason} ${effect.attempt}`
    case 'arm':
      return `arm ${effect.timer} ${effect.ms}`
    case 'frame':
      return `frame ${effect.frame.type}`
    case 'closed':
      return `closed by ${effect.ending.by}`
    case 'disarm':
    case 'online':
    case 'leaving':
    case 'offline':
    case 'refused':
      return effect.kind
  }
}
