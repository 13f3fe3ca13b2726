import { OPEN, type Socket, type SocketConstructor } from '../connection/socket.ts'

/** The server's end of a connection. */
export interface Peer {
  message(text: string): void
  /** The client has closed it, or is gone. */
  closed(): void
}

const CLOSED = 3
const NORMAL_CLOSE = 1_005

/** A WebSocket class that leads to a server in this process, without a network between. */
export function serverSockets(accept: (socket: ServerSocket) => Peer): SocketConstructor {
  return class extends ServerSocket {
    constructor() {
      super(accept)
    }
  }
}

export class ServerSocket implements Socket {
  readyState = 0
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  readonly #peer: Peer

  constructor(accept: (socket: ServerSocket) => Peer) {
    this.#peer = accept(this)
    queueMicrotask(() => {
      if (this.readyState !== 0) return
      this.readyState = OPEN
      this.onopen?.()
    })
  }

  send(data: string): void {
    if (this.readyState === OPEN) this.#peer.message(data)
  }

  close(code = NORMAL_CLOSE, reason = ''): void {
    if (this.readyState === CLOSED) return
    this.#peer.closed()
    this.end(code, reason)
  }

  /** The client gets a frame. */
  deliver(text: string): void {
    if (this.readyState === OPEN) this.onmessage?.({ data: text })
  }

  /** The server closes it. */
  end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return
    this.readyState = CLOSED
    this.onclose?.({ code, reason })
  }
}
