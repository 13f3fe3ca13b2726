import { SUBPROTOCOL } from '@tidegate/protocol'
import { clientError } from '../errors/errors.ts'
import { CreditMeter } from '../frames/credit.ts'
import type { FrameChecks } from '../frames/part.ts'
import { frameEvent } from './frame-event.ts'
import type { Happening, SocketEvent } from './machine/event.ts'
import type { SocketId } from './machine/state.ts'
import { OPEN, type Socket, type SocketConstructor } from './socket.ts'

const NORMAL_CLOSE = 1_000

export interface SocketOptions {
  readonly url: string
  /** That of the surroundings if absent. */
  readonly WebSocket?: SocketConstructor | undefined
  readonly windowBytes: number
  readonly checks: FrameChecks
}

/** The open sockets of a connection. Each counts its own credit: events may be consumed after another one took over. */
export class Sockets {
  readonly #options: SocketOptions
  readonly #hear: (event: SocketEvent) => void
  readonly #sockets = new Map<SocketId, Socket>()

  constructor(options: SocketOptions, hear: (event: SocketEvent) => void) {
    this.#options = options
    this.#hear = hear
  }

  open(id: SocketId): void {
    const { url, windowBytes, checks } = this.#options
    const WebSocket = socketClass(this.#options)
    const socket = new WebSocket(url, SUBPROTOCOL) as Socket
    const hear = (event: Happening) => this.#hear({ from: 'socket', socket: id, ...event })
    const credit = new CreditMeter(windowBytes, (bytes) => send(socket, JSON.stringify({ type: 'credit', bytes })))
    socket.onopen = () => hear({ kind: 'opened' })
    // A text frame is a string in browsers and with `ws`; other classes may hand out a Buffer.
    socket.onmessage = ({ data }) => this.#hear(frameEvent(id, String(data), checks, credit))
    let cause: unknown
    socket.onclose = ({ code, reason }) => {
      this.#sockets.delete(id)
      hear({ kind: 'lost', code, reason, cause })
    }
    // The following close reports the error. Browsers do not say which.
    socket.onerror = ({ error }) => {
      cause = error
    }
    this.#sockets.set(id, socket)
  }

  send(id: SocketId, json: string): void {
    send(this.#sockets.get(id), json)
  }

  /** Closes the socket, unless it closed by itself, and reads nothing more of it. */
  close(id: SocketId): void {
    const socket = this.#sockets.get(id)
    if (socket === undefined) return
    this.#sockets.delete(id)
    socket.onmessage = null
    socket.close(NORMAL_CLOSE)
  }
}

/** @throws TidegateError `no_websocket` */
export function socketClass(options: Pick<SocketOptions, 'WebSocket'>): SocketConstructor {
  const found = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined)
  if (found === undefined) throw clientError('no_websocket')
  return found
}

function send(socket: Socket | undefined, json: string): void {
  if (socket?.readyState === OPEN) socket.send(json)
}
