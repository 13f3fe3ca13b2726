import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { fitCloseReason } from '../close-reason.ts'
import { CLOSE_INTERNAL, GuardedHandler } from '../guarded-handler.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { Arrival, SocketHandler, TransportHandlers, TransportSocket } from '../transport.ts'

const TEXT = { binary: false } as const

export class NodeSocket implements TransportSocket {
  readonly #ws: WebSocket
  readonly #connection: Duplex
  readonly #handler: GuardedHandler<SocketHandler>
  #closing: NodeJS.Timeout | undefined
  #isWaiting = false

  constructor(ws: WebSocket, connection: Duplex, handlers: TransportHandlers, arrival: Arrival) {
    this.#ws = ws
    this.#connection = connection
    this.#handler = new GuardedHandler('socket', handlers, () => this.close(CLOSE_INTERNAL, ''))
    ws.on('message', (data: Buffer, isBinary) => {
      this.#handler.call('message', (handler) => handler.message(data, !isBinary))
    })
    ws.on('close', () => {
      clearTimeout(this.#closing)
      this.#handler.closed()
    })
    // The close event follows.
    ws.on('error', () => {})
    this.#handler.open(() => handlers.open(this, arrival))
  }

  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    const ws = this.#ws
    if (ws.readyState !== ws.OPEN || ws.bufferedAmount > TRANSPORT_LIMITS.bufferedBytes) return 'dropped'
    ws.send(Buffer.from(frame), TEXT, this.#taken)
    if (ws.bufferedAmount === 0) return 'sent'
    this.#isWaiting = true
    return 'buffered'
  }

  together(sends: () => void): void {
    this.#connection.cork()
    try {
      sends()
    } finally {
      this.#connection.uncork()
    }
  }

  bufferedBytes(): number {
    return this.#ws.readyState === this.#ws.OPEN ? this.#ws.bufferedAmount : 0
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    this.#closing = setTimeout(() => this.#ws.terminate(), TRANSPORT_LIMITS.closeGraceMs)
    this.#ws.close(code, fitCloseReason(reason))
    this.#handler.closed()
  }

  /** The kernel has taken one frame. */
  readonly #taken = (): void => {
    if (!this.#isWaiting || this.#ws.bufferedAmount > 0) return
    this.#isWaiting = false
    this.#handler.drained()
  }
}
