import type { ClientFrame, SubscriptionLedger } from '@tidegate/protocol'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'
import type { Schedule, Step } from './schedule.ts'
import { WireReader } from './wire-reader.ts'

/** A client's steps in the course of a run, besides reading. */
export type ReaderStep = Exclude<Step, { do: 'publish' }>

/** Codes with which a server may close the connection of a client that does not keep up. */
const SLOW_CODES: readonly number[] = [4008, 4029]
/** How long a client that was closed for slowness stays away: less than the server asks for. */
const AWAY_MS = 100
const DRIP_MS = 20
/** Of the window, what may be consumed and not reported. */
const REPORT_SHARE = 0.25

/** A client that speaks the protocol by itself, frame by frame. */
export class RawSubscriber {
  readonly wire = new WireReader()
  readonly closes = new Map<number, number>()
  resumes = 0
  /** Connections that ended without a close frame. */
  resets = 0
  readonly #schedule: Schedule
  readonly #selector: string
  readonly #ports: readonly number[]
  readonly #windowBytes: number | undefined
  #gateway: number
  /** Closed by us, or never opened, while `undefined`. */
  #socket: RawWebSocket | undefined
  #isOpen = false
  #receivedBytes = 0
  #reportedBytes = 0
  /** Bytes of this connection that may be consumed by now. */
  #consumableBytes = Number.POSITIVE_INFINITY
  #timers = new Set<NodeJS.Timeout>()
  #hurrying = false
  #onGranted: () => void = () => undefined
  #onAnswer: (ledger: SubscriptionLedger | undefined) => void = () => undefined
  #onUnsubscribed: () => void = () => undefined

  constructor(schedule: Schedule, selector: string, ports: readonly number[]) {
    this.#schedule = schedule
    this.#windowBytes = schedule.windowBytes
    this.#selector = selector
    this.#ports = ports
    this.#gateway = schedule.gateway
    this.wire.open(schedule.policy)
  }

  /** Resolves when the first subscription is granted. */
  async start(): Promise<void> {
    const granted = new Promise<void>((resolve) => {
      this.#onGranted = resolve
    })
    await this.#open()
    await granted
  }

  perform(step: ReaderStep): void {
    switch (step.do) {
      case 'pause':
        this.#socket?.pause()
        return this.#after(step.forMs, () => this.#socket?.resume())
      case 'consume':
        return this.#drip(step.bytesPerSec, step.forMs)
      case 'change':
        this.wire.current.policies.push(step.policy)
        // A subscription that is not granted yet cannot be changed: it is asked for again with the next connection.
        if (this.wire.current.connectionStart !== undefined) this.#subscribe()
        return
      case 'close':
        this.#disconnect()
        if (step.elsewhere) this.#gateway = 1 - this.#gateway
        return this.#after(step.absentMs, () => void this.#open())
      case 'again':
        this.wire.current.left = true
        this.#send({ type: 'unsubscribe', sub: this.#sub })
        this.wire.open(this.#schedule.policy)
        this.#subscribe()
    }
  }

  /** From now on it reads and consumes whatever comes, at once. */
  hurry(): void {
    this.#hurrying = true
    this.#endTimers()
    this.#consumableBytes = Number.POSITIVE_INFINITY
    if (this.#socket === undefined) void this.#open()
    this.#socket?.resume()
    this.#report()
  }

  /** The server's account of the present subscription's events on this connection; nothing without a subscription. */
  ledger(): Promise<SubscriptionLedger | undefined> {
    if (!this.#isOpen || this.wire.current.connectionStart === undefined) return Promise.resolve(undefined)
    this.#send({ type: 'query', id: 1, name: 'ledger', params: { sub: this.#sub } })
    return new Promise((resolve) => {
      this.#onAnswer = resolve
    })
  }

  /** Everything arrived but counts that no event follows: makes the server send these. */
  finish(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve()
    this.#send({ type: 'unsubscribe', sub: this.#sub })
    return new Promise((resolve) => {
      this.#onUnsubscribed = resolve
    })
  }

  close(): void {
    this.#disconnect()
  }

  get #sub(): number {
    return this.wire.accounts.length
  }

  async #open(): Promise<void> {
    const port = this.#ports[this.#gateway]!
    const socket = new RawWebSocket(
      port,
      (payload) => {
        if (this.#socket === socket) this.#receive(payload)
      },
      (code) => {
        if (this.#socket === socket) this.#closed(code)
      },
    )
    this.#socket = socket
    try {
      await socket.open()
    } catch (error) {
      if (this.#socket === socket) this.wire.faults.push(`no connection: ${(error as Error).message}`)
      return
    }
    if (this.#socket !== socket) return socket.close()
    this.#isOpen = true
    const windowBytes = this.#windowBytes === undefined ? {} : { windowBytes: this.#windowBytes }
    this.#send({ type: 'hello', protocol: 1, client: 'ledger-fuzz', ...windowBytes })
    this.#subscribe()
  }

  /** The same sub again changes its options. */
  #subscribe(): void {
    const { current } = this.wire
    const resumes = current.start !== undefined && current.connectionStart === undefined
    if (resumes && this.#isOpen) this.resumes++
    const from = resumes ? { from: { positions: current.positions } } : {}
    const { options } = this.#schedule
    this.#send({ type: 'subscribe', sub: this.#sub, topic: this.#selector, ...options, ...current.policy, ...from })
  }

  #send(frame: ClientFrame): void {
    if (this.#isOpen) this.#socket!.write(encodeFrame(Buffer.from(JSON.stringify(frame))).frame)
  }

  #receive(payload: Buffer): void {
    this.#receivedBytes += payload.length
    const frame = this.wire.read(payload.toString('utf8'))
    switch (frame.type) {
      case 'subscribed':
        this.#onGranted()
        break
      case 'unsubscribed':
        if (frame.sub === this.#sub) this.#onUnsubscribed()
        break
      case 'result':
        this.#onAnswer(frame.data as SubscriptionLedger)
        break
      case 'ping':
        this.#send({ type: 'pong', time: frame.time })
    }
    this.#report()
  }

  #report(): void {
    if (this.#windowBytes === undefined) return
    const consumed = Math.min(this.#receivedBytes, this.#consumableBytes)
    if (consumed - this.#reportedBytes < this.#windowBytes * REPORT_SHARE) return
    this.#reportedBytes = consumed
    this.#send({ type: 'credit', bytes: consumed })
  }

  #drip(bytesPerSec: number, forMs: number): void {
    const until = performance.now() + forMs
    this.#consumableBytes = Math.min(this.#consumableBytes, this.#receivedBytes)
    const drip = () => {
      this.#consumableBytes += (bytesPerSec * DRIP_MS) / 1_000
      if (performance.now() >= until) this.#consumableBytes = Number.POSITIVE_INFINITY
      else this.#after(DRIP_MS, drip)
      this.#report()
    }
    this.#after(DRIP_MS, drip)
  }

  /** The server closed it. */
  #closed(code: number | undefined): void {
    // A reset takes with it what the client has not read, also the close frame. It comes back as after any loss.
    if (code === undefined) this.resets++
    else if (SLOW_CODES.includes(code)) this.closes.set(code, (this.closes.get(code) ?? 0) + 1)
    else this.wire.faults.push(`the server closed the connection with ${code}`)
    this.#disconnect()
    if (this.#hurrying) setTimeout(() => void this.#open(), AWAY_MS)
    else this.#after(AWAY_MS, () => void this.#open())
  }

  #disconnect(): void {
    this.#endTimers()
    const socket = this.#socket
    this.#socket = undefined
    this.#isOpen = false
    socket?.close()
    this.#receivedBytes = 0
    this.#reportedBytes = 0
    this.#consumableBytes = Number.POSITIVE_INFINITY
    this.wire.disconnected()
    this.#onAnswer(undefined)
    this.#onUnsubscribed()
  }

  #after(ms: number, task: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      task()
    }, ms)
    this.#timers.add(timer)
  }

  #endTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
