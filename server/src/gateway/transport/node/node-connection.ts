import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { finalResponse } from '../raw-response.ts'
import type { HttpResponse } from '../transport.ts'

/** Requests that may wait for the answers before them: more in one connection serve nobody. */
const MAX_WAITING = 64

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly begin: () => void
}

/** One connection: its requests are answered one at a time and in order, and none that comes after the last. */
export class NodeConnection {
  readonly #socket: Socket
  /** The first one is being answered. */
  readonly #exchanges: Exchange[] = []
  /** Nothing that comes from now on is a request. */
  #last: HttpResponse | 'upgraded' | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** A request came. */
  take(exchange: Exchange): void {
    const { request, response } = exchange
    // A connection that ends under them says so by closing.
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

  /** What follows cannot be read as requests: the answer comes behind those that are due, and the connection ends. */
  refuse(answer: HttpResponse): void {
    if (this.#last !== undefined) return
    this.#last = answer
    const unread = this.#exchanges.at(-1)
    if (unread !== undefined && !unread.request.complete) {
      // It is the body of this one that cannot be read, so this is its answer, unless it has one.
      if (unread.response.headersSent) {
        this.#socket.destroy()
        return
      }
      this.#exchanges.pop()
    }
    if (this.#exchanges.length === 0) this.#end(answer)
  }

  /** Leaves the connection to the protocol that its last request asks for. False: requests before it are not answered. */
  leave(): boolean {
    if (this.#last !== undefined || this.#exchanges.length > 0) return false
    this.#last = 'upgraded'
    return true
  }

  #finished(): void {
    // Nobody waits for the others any more.
    if (this.#socket.destroyed) return
    this.#exchanges.shift()
    const next = this.#exchanges[0]
    if (next !== undefined) next.begin()
    else if (this.#last !== undefined && this.#last !== 'upgraded') this.#end(this.#last)
  }

  #end(answer: HttpResponse): void {
    this.#socket.end(`HTTP/1.1 ${finalResponse(answer)}`)
    this.#socket.destroySoon()
  }
}
