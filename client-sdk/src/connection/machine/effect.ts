import type { ClientFrame, PublishGrant, ServerFrame } from '@tidegate/protocol'
import type { FrameReceipt } from '../../frames/credit.ts'
import type { Ending } from './ending.ts'
import type { ErrorFrame, SocketId, TimerName } from './state.ts'
import type { TokenReason } from './token-state.ts'

/** Effects for the driver, in order. The last six are calls of `ConnectionEvents`. */
export type Effect =
  | { readonly kind: 'open'; readonly socket: SocketId }
  /** Closes the socket, unless it closed by itself. */
  | { readonly kind: 'close'; readonly socket: SocketId }
  | {
      readonly kind: 'greet'
      readonly socket: SocketId
      readonly session: number
      readonly sequence: string | undefined
      readonly returning: boolean
    }
  | { readonly kind: 'send'; readonly socket: SocketId; readonly frame: ClientFrame }
  /** Asks the application for a token. While it is being asked, nothing more is done. */
  | { readonly kind: 'ask'; readonly reason: TokenReason; readonly attempt: number }
  /** Sends the token that the application gave last. */
  | { readonly kind: 'show'; readonly socket: SocketId }
  /** Starts a timer, anew if it is running. */
  | { readonly kind: 'arm'; readonly timer: TimerName; readonly ms: number }
  /** Stops every timer. */
  | { readonly kind: 'disarm' }
  | { readonly kind: 'online'; readonly publish: PublishGrant; readonly sequence: string | undefined }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'offline' }
  | { readonly kind: 'frame'; readonly frame: ServerFrame; readonly receipt: FrameReceipt }
  /** The gateway refused the token, and another one will be asked for. */
  | { readonly kind: 'refused'; readonly fault: ErrorFrame | undefined }
  | { readonly kind: 'closed'; readonly ending: Ending }

export function arm(timer: TimerName, ms: number): Effect {
  return { kind: 'arm', timer, ms }
}

export function close(socket: SocketId): Effect {
  return { kind: 'close', socket }
}
