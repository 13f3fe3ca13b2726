import type { ServerResponse } from 'node:http'
import { GuardedHandler } from '../guarded-handler.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { StreamHandler, StreamResponse, TransportHandlers, TransportStream } from '../transport.ts'

export class NodeStream implements TransportStream {
  readonly #handler: GuardedHandler<StreamHandler>
  #response: ServerResponse | undefined
  #isWaiting = false

  /** @param response with its head written, or `undefined` when its connection has gone */
  constructor(response: ServerResponse | undefined, handlers: TransportHandlers) {
    this.#response = response
    this.#handler = new GuardedHandler('stream', handlers, () => this.close())
  }

  open(answer: StreamResponse): void {
    this.#response?.once('close', () => this.#gone())
    this.#handler.open(() => answer.open(this))
    if (this.#response === undefined) this.#handler.closed()
  }

  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    const response = this.#response
    const socket = response?.socket
    if (!response || !socket || socket.writableLength > TRANSPORT_LIMITS.bufferedBytes) return 'dropped'
    // By default the response is written at the end of this turn, and until then everything would seem to wait.
    socket.cork()
    response.write(chunk, this.#taken)
    socket.uncork()
    if (socket.writableLength === 0) return 'sent'
    this.#isWaiting = true
    return 'buffered'
  }

  bufferedBytes(): number {
    return this.#response?.socket?.writableLength ?? 0
  }

  close(): void {
    const response = this.#response
    if (response === undefined) return
    // A peer that does not read would keep the response open for ever.
    if (this.bufferedBytes() > 0) response.destroy()
    else response.end()
    this.#gone()
  }

  #gone(): void {
    this.#response = undefined
    this.#handler.closed()
  }

  /** The kernel has taken one chunk. */
  readonly #taken = (): void => {
    if (!this.#isWaiting || this.bufferedBytes() > 0) return
    this.#isWaiting = false
    this.#handler.drained()
  }
}
