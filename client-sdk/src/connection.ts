import {
  type ClientFrame,
  closeAdvice,
  DEFAULTS,
  PROTOCOL_VERSION,
  type ServerFrame,
  SUBPROTOCOL,
} from '@tidegate/protocol'
import { reconnectDelayMs } from './backoff.ts'
import { CreditMeter, type FrameReceipt, utf8Bytes } from './credit.ts'

export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed'

/** Any WebSocket class: the browser's or that of `ws`. */
export type SocketConstructor = new (url: string, protocols?: string | string[]) => object

interface Socket {
  readonly readyState: number
  onopen: (() => void) | null
  onmessage: ((message: { data: unknown }) => void) | null
  onclose: ((close: { code: number; reason: string }) => void) | null
  onerror: ((error: unknown) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

export interface ConnectionOptions {
  readonly url: string
  readonly WebSocket: SocketConstructor
  readonly producer: string
  readonly token: string | undefined
  readonly windowBytes: number
}

export type Welcome = Extract<ServerFrame, { type: 'welcome' }>

/** What a connection tells its client. */
export interface ConnectionEvents {
  status(status: ConnectionStatus): void
  /** A new connection was greeted: send again what is open. */
  online(welcome: Welcome): void
  /** The receipt MUST be completed for every event of a batch. */
  frame(frame: ServerFrame, receipt: FrameReceipt): void
}

const OPEN = 1
/** Silence for this many ping intervals is a dead connection. */
const SILENCE_INTERVALS = 2.5
const NORMAL_CLOSE = 1_000

/** Keeps one socket open: greets, answers pings, counts credit, and reconnects until it is closed or told to stop. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  #socket: Socket | undefined
  #status: ConnectionStatus = 'offline'
  #credit!: CreditMeter
  #session = 0
  #attempt = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #silenceTimer: ReturnType<typeof setTimeout> | undefined
  #silenceMs = SILENCE_INTERVALS * DEFAULTS.pingMs

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  open(): void {
    this.#setStatus('connecting')
    const socket = new this.#options.WebSocket(this.#options.url, SUBPROTOCOL) as Socket
    this.#socket = socket
    this.#credit = new CreditMeter(this.#options.windowBytes, (bytes) => this.send({ type: 'credit', bytes }))
    socket.onopen = () => this.#greet()
    socket.onmessage = ({ data }) => this.#receive(String(data))
    // What went wrong is in the close that follows.
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }) => this.#lost(code, reason)
    this.#watchSilence()
  }

  /** Sends a frame if the socket is open. */
  send(frame: ClientFrame | object): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text)
  }

  close(): void {
    if (this.#status === 'closed') return
    clearTimeout(this.#retryTimer)
    this.#detach()?.close(NORMAL_CLOSE)
    this.#setStatus('closed')
  }

  #greet(): void {
    const { producer, token, windowBytes } = this.#options
    // Larger than any session this producer had before, in this process or an earlier one.
    this.#session = Math.max(this.#session + 1, Date.now())
    this.send({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      client: 'tidegate-js/0.1.0',
      ...(token !== undefined && { token }),
      producer,
      session: this.#session,
      windowBytes,
    })
  }

  #receive(text: string): void {
    this.#watchSilence()
    const bytes = utf8Bytes(text)
    const frame = JSON.parse(text) as ServerFrame
    const events = frame.type === 'batch' ? frame.parts.reduce((sum, part) => sum + part.events.length, 0) : 0
    const receipt = this.#credit.receipt(bytes, events)
    if (frame.type === 'welcome') {
      this.#attempt = 0
      this.#silenceMs = SILENCE_INTERVALS * frame.pingMs
      this.#setStatus('online')
      this.#events.online(frame)
    } else if (frame.type === 'ping') this.send({ type: 'pong', time: frame.time })
    else if (frame.type === 'drain') this.#leave(frame.reconnectInMs)
    else this.#events.frame(frame, receipt)
  }

  /** The gateway is about to stop: go on elsewhere. */
  #leave(inMs: number): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => {
      this.#detach()?.close(NORMAL_CLOSE)
      this.#setStatus('offline')
      this.open()
    }, inMs)
  }

  #lost(code: number, reason: string): void {
    this.#detach()
    if (closeAdvice(code) === 'stop') {
      this.#setStatus('closed')
      return
    }
    this.#setStatus('offline')
    const advised = retryAfterMs(reason)
    const delayMs = advised ?? reconnectDelayMs(this.#attempt++, Math.random)
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => this.open(), delayMs)
  }

  /** A half-open TCP connection says nothing for hours: silence beyond the server's pings ends it. */
  #watchSilence(): void {
    clearTimeout(this.#silenceTimer)
    this.#silenceTimer = setTimeout(() => {
      this.#detach()?.close()
      this.#lost(1006, '')
    }, this.#silenceMs)
  }

  /** Takes the socket out of use: its late events must not be taken for the next one's. */
  #detach(): Socket | undefined {
    clearTimeout(this.#silenceTimer)
    const socket = this.#socket
    this.#socket = undefined
    if (socket !== undefined) {
      socket.onopen = null
      socket.onmessage = null
      socket.onclose = null
    }
    return socket
  }

  #setStatus(status: ConnectionStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.#events.status(status)
  }
}

function retryAfterMs(reason: string): number | undefined {
  try {
    const value = (JSON.parse(reason) as { retryAfterMs?: unknown }).retryAfterMs
    return typeof value === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
