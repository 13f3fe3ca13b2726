import type { ServerFrame } from '@tidegate/protocol'
import type { FrameReceipt } from '../credit.ts'
import type { SocketId, TimerName } from './state.ts'

export type WelcomeFrame = Extract<ServerFrame, { type: 'welcome' }>
type DrainFrame = Extract<ServerFrame, { type: 'drain' }>

/** Kinds of text messages. */
export type FrameEvent =
  | { readonly kind: 'welcomed'; readonly frame: WelcomeFrame }
  | { readonly kind: 'drained'; readonly frame: DrainFrame }
  /** Any other frame. */
  | { readonly kind: 'received'; readonly frame: ServerFrame; readonly receipt: FrameReceipt }
  /** Text that no Tidegate server sends. */
  | { readonly kind: 'garbled' }

/** Events of a socket. */
export type Happening =
  | { readonly kind: 'opened' }
  | FrameEvent
  | { readonly kind: 'lost'; readonly code: number; readonly reason: string }

export type SocketEvent = { readonly from: 'socket'; readonly socket: SocketId } & Happening

export interface TimerEvent {
  readonly from: 'timer'
  readonly kind: `${TimerName}_due`
}

/** Requests of the client to its connection. */
export interface ClientEvent {
  readonly from: 'client'
  readonly kind: 'start' | 'reconnect' | 'resumed' | 'close'
}

export type ConnectionEvent = SocketEvent | TimerEvent | ClientEvent

export type EventKind = ConnectionEvent['kind']
export type EventOf<Kind extends EventKind> = ConnectionEvent & { readonly kind: Kind }
