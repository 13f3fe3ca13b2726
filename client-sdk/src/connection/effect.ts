import type { ClientFrame, PublishGrant, ServerFrame } from '@tidegate/protocol'
import type { FrameReceipt } from '../credit.ts'
import type { Ending } from './ending.ts'
import type { SocketId, TimerName } from './state.ts'

/** Effects for the driver, in order. The last five are calls of `ConnectionEvents`. */
export type Effect =
  | { readonly kind: 'open'; readonly socket: SocketId }
  /** Stops listening to the socket and closes it, unless it closed by itself. */
  | { readonly kind: 'close'; readonly socket: SocketId }
  | {
      readonly kind: 'greet'
      readonly socket: SocketId
      readonly session: number
      readonly sequence: string | undefined
      readonly returning: boolean
    }
  | { readonly kind: 'send'; readonly socket: SocketId; readonly frame: ClientFrame }
  /** Starts a timer, anew if it is running. */
  | { readonly kind: 'arm'; readonly timer: TimerName; readonly ms: number }
  /** Stops every timer. */
  | { readonly kind: 'disarm' }
  | { readonly kind: 'online'; readonly publish: PublishGrant }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'offline' }
  | { readonly kind: 'frame'; readonly frame: ServerFrame; readonly receipt: FrameReceipt }
  | { readonly kind: 'closed'; readonly ending: Ending }

export function arm(timer: TimerName, ms: number): Effect {
  return { kind: 'arm', timer, ms }
}

export function close(socket: SocketId): Effect {
  return { kind: 'close', socket }
}
