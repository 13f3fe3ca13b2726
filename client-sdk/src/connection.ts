import {
  type AckedPosition,
  type ClientFrame,
  closeAdvice,
  LIMITS,
  NEW_SEQUENCE,
  PROTOCOL_VERSION,
  type PublishGrant,
  type ServerFrame,
  SUBPROTOCOL,
} from '@tidegate/protocol'
import { reconnectDelayMs } from './backoff.ts'
import { CreditMeter, type FrameReceipt } from './credit.ts'
import { clientError, TidegateError } from './errors.ts'
import { OPEN, type Socket, type SocketConstructor } from './socket.ts'
import { utf8Bytes } from './utf8-bytes.ts'

type Welcome = Extract<ServerFrame, { type: 'welcome' }>

export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed'

export interface ConnectionOptions {
  readonly url: string
  readonly WebSocket: SocketConstructor
  readonly producer: string
  readonly windowBytes: number
}

/** What the parts of a client need of its connection. */
export interface Link {
  readonly isOnline: boolean
  /** Sends a frame if the socket is open. */
  send(frame: ClientFrame): void
  /** The same for a frame that is JSON already. */
  sendText(json: string): void
  /** Gives up this connection for a new one. */
  reconnect(): void
  /** Everything that was open on an earlier connection goes on on this one. */
  resumed(): void
}

/** What a connection tells its client. */
export interface ConnectionEvents {
  /** A new connection was greeted: send again what is open. The status says so already, its listeners do not know. */
  online(publish: PublishGrant): void
  /** For `hello`: under which epochs frames were stored that could be sent again. */
  epochs(): readonly string[]
  /** For `hello`: the newest acknowledged position in each partition. */
  acked(): readonly AckedPosition[]
  /** The connection is about to be exchanged for another one: what is on its way is still answered, more is not to be published. */
  leaving(): void
  /** What was sent on the connection and not answered will not be; another one comes, or is there. */
  offline(): void
  /** The receipt MUST be completed for every event of a batch. */
  frame(frame: ServerFrame, receipt: FrameReceipt): void
  /** The connection is closed for good: by the server for this reason, or by the client. */
  closed(reason: TidegateError): void
  status(status: ConnectionStatus): void
}

const CLIENT_NAME = 'tidegate-js/0.1.0'
/** A gateway that has not greeted by then is not there. */
const GREETING_DEADLINE_MS = 10_000
/** Silence for this many ping intervals is a dead connection. */
const SILENCE_INTERVALS = 2.5
/** A connection that lived this long was a success: the next attempt is the first again. */
const STABLE_MS = 5_000
const NORMAL_CLOSE = 1_000
/** What an exchanged connection may still bring: where subscriptions stood is known of each event. */
const DELIVERY_TYPES: ReadonlySet<ServerFrame['type']> = new Set(['batch', 'gap', 'progress'])
/** What browsers report when no close frame came. */
const ABNORMAL_CLOSE = 1_006

/** Keeps one socket open: greets, answers pings, counts credit, and reconnects until it is closed or told to stop. */
export class Connection implements Link {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  #socket: Socket | undefined
  /** One that may take its place, and one whose place was taken and that still delivers. */
  #successor: Socket | undefined
  #predecessor: Socket | undefined
  #status: ConnectionStatus = 'offline'
  #session = 0
  /** Frames of this client are counted from 1, whatever its producer published before. A server that knows no names says none. */
  #sequence: string | undefined = NEW_SEQUENCE
  #wasOnline = false
  #attempt = 0
  #onlineSince = 0
  /** The server's last word on the connection itself. */
  #fault: TidegateError | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #silenceTimer: ReturnType<typeof setTimeout> | undefined
  #silenceMs = GREETING_DEADLINE_MS

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    const { minWindowBytes, maxWindowBytes } = LIMITS
    // The server bounds what it is told; counting against another window would report too late.
    const windowBytes = Math.min(maxWindowBytes, Math.max(minWindowBytes, options.windowBytes))
    this.#options = { ...options, windowBytes }
    this.#events = events
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  get isOnline(): boolean {
    return this.#status === 'online'
  }

  open(): void {
    const { socket, credit } = this.#connect()
    this.#socket = socket
    this.#fault = undefined
    this.#use(socket, credit)
    this.#silenceMs = GREETING_DEADLINE_MS
    this.#watchSilence()
    this.#setStatus('connecting')
  }

  send(frame: ClientFrame): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(json: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(json)
  }

  resumed(): void {
    silence(this.#predecessor)?.close(NORMAL_CLOSE)
    this.#predecessor = undefined
  }

  reconnect(): void {
    this.#detach()?.close(NORMAL_CLOSE)
    this.#lost(ABNORMAL_CLOSE, '')
  }

  /** Idempotent. */
  close(): void {
    if (this.#status === 'closed') return
    this.#detach()?.close(NORMAL_CLOSE)
    this.#end(clientError('closed'))
  }

  #connect(): { socket: Socket; credit: CreditMeter } {
    const { url, WebSocket, windowBytes } = this.#options
    const socket = new WebSocket(url, SUBPROTOCOL) as Socket
    // Events may be consumed when another connection has taken over: their bytes are this one's.
    const credit = new CreditMeter(windowBytes, (bytes) => sendOn(socket, { type: 'credit', bytes }))
    socket.onopen = () => this.#greet(socket)
    // What went wrong is told by the close that follows.
    socket.onerror = () => {}
    return { socket, credit }
  }

  /** What comes by the socket is what this connection says. */
  #use(socket: Socket, credit: CreditMeter): void {
    // A text frame is a string in browsers and with `ws`; other classes may hand out a Buffer.
    socket.onmessage = ({ data }) => this.#receive(String(data), credit)
    socket.onclose = ({ code, reason }) => this.#lost(code, reason)
  }

  #greet(socket: Socket): void {
    const { producer, windowBytes } = this.#options
    // Larger than any session this producer had before, in this process or an earlier one.
    this.#session = Math.max(this.#session + 1, Date.now())
    const session = this.#session
    const sequence = this.#sequence
    const epochs = this.#events.epochs()
    const acked = this.#events.acked()
    sendOn(socket, {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      client: CLIENT_NAME,
      producer,
      session,
      ...(sequence !== undefined && { sequence }),
      ...(this.#wasOnline && { returning: true }),
      ...(epochs.length > 0 && { epochs }),
      ...(acked.length > 0 && { acked }),
      windowBytes,
    })
  }

  #receive(text: string, credit: CreditMeter): void {
    this.#watchSilence()
    const frame = parseFrame(text)
    if (frame === undefined) return this.reconnect()
    const receipt = receiptOf(frame, text, credit)
    switch (frame.type) {
      case 'welcome':
        this.#welcomed(frame)
        this.#events.status('online')
        break
      case 'ping':
        this.send({ type: 'pong', time: frame.time })
        break
      case 'drain':
        this.#retryAfter(frame.reconnectInMs, () => this.#leave())
        break
      default:
        if (frame.type === 'error' && frame.id === undefined && frame.sub === undefined) {
          this.#fault = new TidegateError(frame.code, frame.message)
        }
        this.#events.frame(frame, receipt)
    }
  }

  #welcomed({ pingMs, publish, sequence }: Welcome): void {
    if (this.#sequence === NEW_SEQUENCE) this.#sequence = sequence
    this.#silenceMs = SILENCE_INTERVALS * pingMs
    this.#watchSilence()
    this.#onlineSince = performance.now()
    this.#status = 'online'
    this.#wasOnline = true
    this.#events.online(publish)
  }

  /** The gateway is about to stop: another connection is made before this one is left. */
  #leave(): void {
    this.#events.leaving()
    const { socket, credit } = this.#connect()
    this.#successor = socket
    socket.onmessage = ({ data }) => {
      const text = String(data)
      const frame = parseFrame(text)
      if (frame?.type !== 'welcome') return
      receiptOf(frame, text, credit)
      this.#succeed(socket, credit, frame)
    }
    // There is no other gateway: this one ends the sooner the fewer stay.
    socket.onclose = () => this.reconnect()
  }

  #succeed(socket: Socket, credit: CreditMeter, welcome: Welcome): void {
    this.#successor = undefined
    this.resumed()
    const predecessor = this.#socket!
    this.#predecessor = predecessor
    const receive = predecessor.onmessage!
    predecessor.onmessage = (message) => {
      const type = parseFrame(String(message.data))?.type
      if (type !== undefined && DELIVERY_TYPES.has(type)) receive.call(predecessor, message)
    }
    predecessor.onclose = null
    this.#socket = socket
    this.#use(socket, credit)
    this.#events.offline()
    this.#welcomed(welcome)
  }

  #retryAfter(ms: number, attempt: () => void): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(attempt, ms)
  }

  #lost(code: number, reason: string): void {
    this.#detach()
    const retries = closeAdvice(code) === 'retry'
    if (!retries) {
      const cause = this.#fault
      const message = `The server closed the connection for good: ${cause?.message ?? reason} (close code ${code})`
      return this.#end(new TidegateError('closed', message, { cause }))
    }
    if (this.isOnline && performance.now() - this.#onlineSince >= STABLE_MS) this.#attempt = 0
    const delayMs = advisedDelayMs(reason) ?? reconnectDelayMs(this.#attempt++, Math.random())
    this.#retryAfter(delayMs, () => this.open())
    this.#events.offline()
    this.#setStatus('offline')
  }

  #end(reason: TidegateError): void {
    this.#status = 'closed'
    this.#events.closed(reason)
    this.#events.status('closed')
  }

  /** A half-open TCP connection says nothing for hours: silence beyond the server's pings ends it. */
  #watchSilence(): void {
    clearTimeout(this.#silenceTimer)
    this.#silenceTimer = setTimeout(() => this.reconnect(), this.#silenceMs)
  }

  /** Takes the sockets out of use: their late events must not be taken for the next one's. */
  #detach(): Socket | undefined {
    clearTimeout(this.#silenceTimer)
    clearTimeout(this.#retryTimer)
    this.resumed()
    silence(this.#successor)?.close(NORMAL_CLOSE)
    const socket = silence(this.#socket)
    this.#successor = undefined
    this.#socket = undefined
    return socket
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status
    this.#events.status(status)
  }
}

function sendOn(socket: Socket, frame: ClientFrame): void {
  if (socket.readyState === OPEN) socket.send(JSON.stringify(frame))
}

/** Nothing more is heard of the socket. */
function silence(socket: Socket | undefined): Socket | undefined {
  if (socket === undefined) return undefined
  socket.onopen = null
  socket.onmessage = null
  socket.onclose = null
  return socket
}

function receiptOf(frame: ServerFrame, text: string, credit: CreditMeter): FrameReceipt {
  const events = frame.type === 'batch' ? frame.parts.reduce((sum, part) => sum + part.events.length, 0) : 0
  return credit.receipt(utf8Bytes(text), events)
}

/** `undefined` for what no Tidegate server sends: the stream cannot be trusted any further. */
function parseFrame(text: string): ServerFrame | undefined {
  try {
    const frame = JSON.parse(text) as ServerFrame | null
    return typeof frame?.type === 'string' ? frame : undefined
  } catch {
    return undefined
  }
}

/** The wait that a close reason asks for, if it does. */
function advisedDelayMs(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown }
    return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
  } catch {
    return undefined
  }
}
