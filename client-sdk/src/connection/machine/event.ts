import type { ServerFrame } from '@tidegate/protocol'
import type { FrameReceipt } from '../../frames/credit.ts'
import type { SocketId, TimerName } from './state.ts'

export type WelcomeFrame = Extract<ServerFrame, { type: 'welcome' }>
type DrainFrame = Extract<ServerFrame, { type: 'drain' }>
type AuthorizedFrame = Extract<ServerFrame, { type: 'authorized' }>

/** Kinds of text messages. */
export type FrameEvent =
  | { readonly kind: 'welcomed'; readonly frame: WelcomeFrame }
  | { readonly kind: 'drained'; readonly frame: DrainFrame }
  | { readonly kind: 'authorized'; readonly frame: AuthorizedFrame }
  /** Any other frame. */
  | { readonly kind: 'received'; readonly frame: ServerFrame; readonly receipt: FrameReceipt }
  /** Text that no Tidegate server sends. */
  | { readonly kind: 'garbled' }

/** Events of a socket. */
export type Happening =
  | { readonly kind: 'opened' }
  | FrameEvent
  | { readonly kind: 'lost'; readonly code: number; readonly reason: string; readonly cause?: unknown }

export type SocketEvent = { readonly from: 'socket'; readonly socket: SocketId } & Happening

export interface TimerEvent {
  readonly from: 'timer'
  readonly kind: `${TimerName}_due`
}

/** Answers to `ask`. */
export interface TokenEvent {
  readonly from: 'token'
  readonly kind: 'token_ready' | 'token_failed'
}

/** Requests of the client to its connection. */
export interface ClientEvent {
  readonly from: 'client'
  readonly kind: 'start' | 'reconnect' | 'reconnect_now' | 'probe' | 'resumed' | 'close'
}

export type ConnectionEvent = SocketEvent | TimerEvent | TokenEvent | ClientEvent

export type EventKind = ConnectionEvent['kind']
export type EventOf<Kind extends EventKind> = ConnectionEvent & { readonly kind: Kind }
