import { CLOSE, type ClientFrame, ERROR_CODES, type ServerFrame } from '@tidegate/protocol'
import { OPEN, type Socket, type SocketConstructor } from '../connection/socket.ts'
import { Pipe } from './pipe.ts'
import type { Refusals } from './refusals.ts'
import type { TestClock } from './test-clock.ts'

/** What the sockets of a network share. */
export interface Network {
  readonly clock: TestClock
  readonly refusals: Refusals
  readonly lagMs: () => number
  readonly isOffline: () => boolean
  readonly closed: (socket: NetworkSocket) => void
}

export interface Closing {
  readonly code: number
  readonly reason: string
}

type Arrival =
  | { readonly kind: 'opened' }
  | { readonly kind: 'message'; readonly data: unknown }
  | { readonly kind: 'closed'; readonly closing: Closing }

type Departure = { readonly kind: 'message'; readonly data: string } | ({ readonly kind: 'close' } & Partial<Closing>)

const CLOSING = 2
const CLOSED = 3
/** As of a link that broke. */
export const BROKEN: Closing = { code: 1_006, reason: '' }
/** How long a frame waits that comes before one that was refused. */
const RETRY_MS = 10

/** A WebSocket over another one, with what goes wrong on the way. */
export class NetworkSocket implements Socket {
  readyState = 0
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  readonly #network: Network
  readonly #inner: (Socket & { terminate?: () => void }) | undefined
  readonly #toClient: Pipe<Arrival>
  readonly #toServer: Pipe<Departure>
  /** Publish frames that were refused and must come again before any later one. */
  readonly #refused = new Set<number>()
  #undrain = () => {}

  constructor(network: Network, Inner: SocketConstructor, url: string, protocols?: string | string[]) {
    this.#network = network
    this.#toClient = new Pipe(network.clock, network.lagMs, (arrival) => this.#arrived(arrival))
    this.#toServer = new Pipe(network.clock, network.lagMs, (departure) => this.#departed(departure))
    if (network.isOffline()) {
      this.#toClient.push({ kind: 'closed', closing: BROKEN })
      return
    }
    const inner = new Inner(url, protocols) as Socket
    this.#inner = inner
    inner.onopen = () => this.#toClient.push({ kind: 'opened' })
    inner.onmessage = ({ data }) => this.#toClient.push({ kind: 'message', data })
    inner.onclose = ({ code, reason }) => this.#toClient.push({ kind: 'closed', closing: { code, reason } })
    // The following close reports the error.
    inner.onerror = () => {}
  }

  /** Whether nothing arrives at either end before some time has passed. */
  get isQuiet(): boolean {
    return this.#toClient.isQuiet && this.#toServer.isQuiet
  }

  send(data: string): void {
    if (this.readyState === 0) throw new Error('The socket is still connecting.')
    if (this.readyState === OPEN) this.#toServer.push({ kind: 'message', data })
  }

  close(code?: number, reason?: string): void {
    if (this.readyState >= CLOSING) return
    this.readyState = CLOSING
    this.#toServer.push({ kind: 'close', ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) })
  }

  /** The link breaks: what is on its way is lost, and both ends learn of it. */
  cut(closing: Closing): void {
    const inner = this.#inner
    if (inner === undefined) return
    this.#release()
    if (inner.terminate !== undefined) inner.terminate()
    else inner.close()
    this.#toClient.push({ kind: 'closed', closing })
  }

  /** The gateway announces its end, and closes the connection then if the client has not. */
  drain(reconnectInMs: number, deadlineMs: number): void {
    if (this.readyState !== OPEN) return
    this.inject({ type: 'drain', reconnectInMs, deadlineMs, reason: 'test' })
    this.#undrain()
    this.#undrain = this.#network.clock.after(deadlineMs, () => this.cut({ code: CLOSE.drain, reason: 'drained' }))
  }

  /** The client gets a frame that its server did not send. */
  inject(frame: ServerFrame): void {
    if (this.readyState === OPEN) this.#toClient.push({ kind: 'message', data: JSON.stringify(frame) })
  }

  /** What was held back moves again. */
  release(): void {
    this.#toClient.release()
    this.#toServer.release()
  }

  #arrived(arrival: Arrival): void {
    switch (arrival.kind) {
      case 'opened':
        if (this.readyState !== 0) return
        this.readyState = OPEN
        return this.onopen?.()
      case 'message':
        if (this.readyState === OPEN) this.onmessage?.({ data: arrival.data })
        return
      case 'closed':
        if (this.readyState === CLOSED) return
        this.readyState = CLOSED
        this.#release()
        this.#network.closed(this)
        this.onclose?.(arrival.closing)
    }
  }

  #departed(departure: Departure): void {
    if (departure.kind === 'close') return this.#inner?.close(departure.code, departure.reason)
    if (!this.#isRefused(departure.data) && this.#inner?.readyState === OPEN) this.#inner.send(departure.data)
  }

  #isRefused(text: string): boolean {
    if (this.#network.refusals.isEmpty && this.#refused.size === 0) return false
    const frame = JSON.parse(text) as ClientFrame
    const refused = this.#network.refusals.judge(frame) ?? this.#outOfOrder(frame)
    if (refused === undefined) {
      if (frame.type === 'publish') this.#refused.delete(frame.seq)
      return false
    }
    const { answer, close } = refused as { answer: ServerFrame; close?: Closing }
    if (answer.type === 'reject' && answer.retryAfterMs !== undefined) this.#refused.add(answer.seq)
    this.inject(answer)
    if (close !== undefined) {
      this.#inner?.close()
      this.#toClient.push({ kind: 'closed', closing: close })
    }
    return true
  }

  /** A later frame that overtook a refused one would make it look like one that was stored. */
  #outOfOrder(frame: ClientFrame): { readonly answer: ServerFrame } | undefined {
    if (frame.type !== 'publish' || ![...this.#refused].some((seq) => seq < frame.seq)) return undefined
    const failure = { code: 'out_of_order', message: ERROR_CODES.out_of_order, retryAfterMs: RETRY_MS } as const
    return { answer: { type: 'reject', seq: frame.seq, ...failure } }
  }

  #release(): void {
    this.#undrain()
    this.#toClient.clear()
    this.#toServer.clear()
    const inner = this.#inner
    if (inner === undefined) return
    inner.onopen = null
    inner.onmessage = null
    inner.onclose = null
  }
}
