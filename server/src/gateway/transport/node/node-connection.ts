import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { finalResponse } from '../raw-response.ts'
import type { HttpResponse } from '../transport.ts'

/** Requests that may wait for earlier answers: more in one connection serve nobody. */
const MAX_WAITING = 64

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly begin: () => void
}

/** One connection: its requests are answered one at a time and in order, and none after the last. */
export class NodeConnection {
  readonly #socket: Socket
  /** The first one is being answered. */
  readonly #exchanges: Exchange[] = []
  /** Bytes that arrive from now on are no request. */
  #last: HttpResponse | 'upgraded' | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** A request came. */
  take(exchange: Exchange): void {
    const { request, response } = exchange
    // If the connection ends meanwhile, it closes their handlers.
    request.on('error', () => {})
    response.on('error', () => {})
    if (this.#last !== undefined) return
    if (this.#exchanges.length === MAX_WAITING) {
      this.#socket.destroy()
      return
    }
    response.once('close', () => this.#finished())
    this.#exchanges.push(exchange)
    if (this.#exchanges.length === 1) exchange.begin()
  }

  /**
   * The following bytes cannot be parsed as requests: their answer follows the pending ones, and the connection ends.
   */
  refuse(answer: HttpResponse): void {
    if (this.#last !== undefined) return
    this.#last = answer
    const unread = this.#exchanges.at(-1)
    if (unread !== undefined && !unread.request.complete) {
      // The body of this request cannot be parsed, so this is its answer, unless it has one.
      if (unread.response.headersSent) {
        this.#socket.destroy()
        return
      }
      this.#exchanges.pop()
    }
    if (this.#exchanges.length === 0) this.#end(answer)
  }

  /** Hands the connection to the protocol its last request asks for. False: earlier requests are not answered yet. */
  leave(): boolean {
    if (this.#last !== undefined || this.#exchanges.length > 0) return false
    this.#last = 'upgraded'
    return true
  }

  #finished(): void {
    const done = this.#exchanges.shift()
    // Nobody waits for the other answers any more, or that was the last one.
    if (this.#socket.destroyed || done?.response.shouldKeepAlive === false) return
    const next = this.#exchanges[0]
    if (next !== undefined) next.begin()
    else if (this.#last !== undefined && this.#last !== 'upgraded') this.#end(this.#last)
  }

  #end(answer: HttpResponse): void {
    this.#socket.end(`HTTP/1.1 ${finalResponse(answer)}`)
    this.#socket.destroySoon()
  }
}
