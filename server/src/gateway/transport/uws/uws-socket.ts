import type { WebSocket } from 'uWebSockets.js'
import { fitCloseReason } from '../close-reason.ts'
import { CLOSE_INTERNAL, GuardedHandler } from '../guarded-handler.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { Arrival, SocketHandler, TransportHandlers, TransportSocket } from '../transport.ts'

export interface SocketData {
  /** Until it is open. */
  arrival: Arrival | undefined
  socket?: UwsSocket
}

export class UwsSocket implements TransportSocket {
  readonly handler: GuardedHandler<SocketHandler>
  #ws: WebSocket<SocketData> | undefined
  #closing: NodeJS.Timeout | undefined

  constructor(ws: WebSocket<SocketData>, handlers: TransportHandlers) {
    this.#ws = ws
    this.handler = new GuardedHandler('socket', handlers, () => this.close(CLOSE_INTERNAL, ''))
  }

  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    switch (this.#ws?.send(frame, false, false)) {
      case 1:
        return 'sent'
      case 0:
        return 'buffered'
      default:
        return 'dropped'
    }
  }

  together(sends: () => void): void {
    if (this.#ws === undefined) sends()
    else this.#ws.cork(sends)
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0
  }

  close(code: number, reason: string): void {
    if (this.#ws === undefined || this.#closing !== undefined) return
    // A peer that does not read never takes the close frame: give it a moment, then cut.
    this.#closing = setTimeout(() => this.#ws?.close(), TRANSPORT_LIMITS.closeGraceMs)
    this.#ws.end(code, fitCloseReason(reason))
  }

  /** uWS throws on any use after close. */
  markClosed(): void {
    clearTimeout(this.#closing)
    this.#ws = undefined
    this.handler.closed()
  }
}
