import { OPEN, type Socket } from '../connection/socket.ts'

const CONNECTING = 0
const CLOSED = 3
/** RFC 6455: the connection was lost. */
export const LOST = 1_006
const NORMAL = 1_000

/** What a socket of a tab asks of its tab. */
export interface TabSocketHost {
  send(socket: TabSocket, text: string): void
  closed(socket: TabSocket): void
}

/** A socket as a client sees it. Its frames go through the socket of the tab that leads. */
export class TabSocket implements Socket {
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  readonly number: number
  readonly #host: TabSocketHost
  #readyState = CONNECTING

  constructor(number: number, host: TabSocketHost) {
    this.number = number
    this.#host = host
  }

  get readyState(): number {
    return this.#readyState
  }

  send(text: string): void {
    if (this.#readyState === OPEN) this.#host.send(this, text)
  }

  close(): void {
    if (this.#readyState === CLOSED) return
    this.#host.closed(this)
    // Later, as that of every WebSocket.
    queueMicrotask(() => this.ended(NORMAL, ''))
    this.#readyState = CLOSED
  }

  opened(): void {
    if (this.#readyState !== CONNECTING) return
    this.#readyState = OPEN
    this.onopen?.()
  }

  received(text: string): void {
    if (this.#readyState === OPEN) this.onmessage?.({ data: text })
  }

  ended(code: number, reason: string): void {
    this.#readyState = CLOSED
    const { onclose } = this
    this.onclose = null
    onclose?.({ code, reason })
  }
}
