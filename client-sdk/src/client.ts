import {
  DEFAULTS,
  LIMITS,
  type PublishGrant,
  type RejectedEvent,
  type ServerFrame,
  type SubscribeOptions,
} from '@tidegate/protocol'
import { Connection, type ConnectionStatus, type SocketConstructor } from './connection.ts'
import type { EventOf, PublishableTopic, PublishEvent, Selector, TopicsOf } from './contract-types.ts'
import { type FrameReceipt, utf8Bytes } from './credit.ts'
import { TidegateError } from './errors.ts'
import { DEFAULT_OUTBOX, Outbox, type OutboxLimits } from './outbox.ts'
import { Subscription } from './subscription.ts'

export interface ClientOptions {
  /** Address of a gateway, `http(s)://` or `ws(s)://`. */
  readonly url: string
  /** Defaults to the global WebSocket; `@tidegate/client/node` brings one for Node 20. */
  readonly WebSocket?: SocketConstructor
  readonly token?: string
  /** Identity for deduplication; random by default. Only one client at a time may use it. */
  readonly producer?: string
  /** Bytes the server may have in flight to this client. */
  readonly windowBytes?: number
  readonly outbox?: Partial<OutboxLimits>
}

export interface PublishReceipt {
  /** Per partition touched, the position of the last event stored. */
  readonly at: readonly string[]
  /** Events that were not stored, by their index in the call. The others were. */
  readonly rejected: readonly RejectedEvent[]
  /** Everything had been stored before. */
  readonly duplicate: boolean
}

/** Events that travel in one frame, by number and by size. */
const FRAME_EVENTS = LIMITS.frameEvents
const FRAME_BYTES = LIMITS.frameBytes / 2

interface Waiting<T> {
  resolve(value: T): void
  reject(error: TidegateError): void
}

/** A client of one Tidegate deployment over one connection, which it keeps open until `close`. */
export class TidegateClient<C = unknown> {
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #publishes = new Map<number, Waiting<PublishReceipt>>()
  readonly #queries = new Map<number, Waiting<unknown>>()
  readonly #subscriptions = new Map<number, Subscription<never>>()
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>()
  readonly #idPrefix = randomId()
  #grant: PublishGrant = { frames: DEFAULTS.publishFrames, bytes: DEFAULTS.publishBytes }
  #pumpTimer: ReturnType<typeof setTimeout> | undefined
  #expiryTimer: ReturnType<typeof setTimeout> | undefined
  #idle: (() => void) | undefined
  #nextNumber = 1
  #closing = false

  constructor(options: ClientOptions) {
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined)
    if (WebSocket === undefined) {
      throw new TidegateError('closed', 'No WebSocket here. On Node 20 import from "@tidegate/client/node".')
    }
    this.#outbox = new Outbox({ ...DEFAULT_OUTBOX, ...options.outbox })
    this.#connection = new Connection(
      {
        url: socketUrl(options.url),
        WebSocket,
        producer: options.producer ?? randomId(),
        token: options.token,
        windowBytes: options.windowBytes ?? DEFAULTS.windowBytes,
      },
      {
        status: (status) => this.#onStatus(status),
        online: ({ publish }) => this.#onOnline(publish),
        frame: (frame, receipt) => this.#onFrame(frame, receipt),
      },
    )
    this.#connection.open()
  }

  get status(): ConnectionStatus {
    return this.#connection.status
  }

  /** Calls back on every change of `status`. Returns what ends that. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#statusListeners.add(listener)
    return () => this.#statusListeners.delete(listener)
  }

  /**
   * Publishes one or more events of a topic. Resolves when they are stored; while there is no connection they wait in
   * the outbox and are sent in order, once each.
   *
   * @throws TidegateError `outbox_full`, `outbox_expired`, or the server's code.
   */
  async publish<Topic extends PublishableTopic<TopicsOf<C>>>(
    topic: Topic,
    events: PublishEvent<TopicsOf<C>[Topic]['data']> | readonly PublishEvent<TopicsOf<C>[Topic]['data']>[],
  ): Promise<PublishReceipt> {
    if (this.#closing) throw new TidegateError('closed', 'The client is closed.')
    const now = Date.now()
    const list = Array.isArray(events)
      ? (events as readonly PublishEvent<unknown>[])
      : [events as PublishEvent<unknown>]
    const stamped = list.map((event) => JSON.stringify({ id: this.#newId(), time: now, ...event }))
    const frames = splitFrames(stamped)
    const bytes = frames.reduce((sum, frame) => sum + frame.bytes, 0)
    if (!this.#outbox.hasRoom(frames.length, bytes)) {
      throw new TidegateError('outbox_full', 'The outbox is full: events come in faster than they are acknowledged.', {
        retryable: true,
      })
    }
    const receipts = frames.map(({ json, bytes: frameBytes }) => {
      const head = `{"type":"publish","seq":${this.#outbox.nextSeq},"topic":${JSON.stringify(topic)},"events":[${json}]`
      const seq = this.#outbox.push(head, frameBytes, now)
      return new Promise<PublishReceipt>((resolve, reject) => this.#publishes.set(seq, { resolve, reject }))
    })
    this.#pump()
    this.#watchExpiry()
    return combine(await Promise.all(receipts), frames)
  }

  /** Subscribes to a topic or a wildcard (`commerce.*`, `>`), with a callback or to be iterated. */
  subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    options: SubscribeOptions = {},
    callback?: (event: EventOf<TopicsOf<C>, S>) => void,
  ): Subscription<EventOf<TopicsOf<C>, S>> {
    const sub = this.#nextNumber++
    const host = { unsubscribe: (number: number) => this.#unsubscribe(number) }
    const subscription = new Subscription<EventOf<TopicsOf<C>, S>>(host, sub, selector, options, callback)
    this.#subscriptions.set(sub, subscription as unknown as Subscription<never>)
    if (this.status === 'online') this.#connection.send(subscription.frame())
    return subscription
  }

  /** Runs a query (`topics`, `window`, `history`). @throws TidegateError, `disconnected` when the connection was lost. */
  query(name: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.status !== 'online') {
      return Promise.reject(new TidegateError('disconnected', 'There is no connection.', { retryable: true }))
    }
    const id = this.#nextNumber++
    this.#connection.send({ type: 'query', id, name, params })
    return new Promise((resolve, reject) => this.#queries.set(id, { resolve, reject }))
  }

  /** Waits for outstanding acknowledgements, at most `deadlineMs`, then closes. Idempotent. */
  async close({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#closing = true
    if (this.#outbox.size > 0 && this.status !== 'closed') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs)
        this.#idle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#connection.close()
  }

  #newId(): string {
    return `${this.#idPrefix}-${(this.#nextNumber++).toString(36)}`
  }

  #unsubscribe(sub: number): void {
    this.#subscriptions.delete(sub)
    if (this.status === 'online') this.#connection.send({ type: 'unsubscribe', sub })
  }

  #onStatus(status: ConnectionStatus): void {
    if (status === 'offline' || status === 'closed') {
      this.#outbox.disconnected()
      const lost = new TidegateError('disconnected', 'The connection was lost before the answer.', { retryable: true })
      for (const { reject } of this.#queries.values()) reject(lost)
      this.#queries.clear()
    }
    if (status === 'closed') this.#end()
    for (const listener of this.#statusListeners) listener(status)
  }

  #end(): void {
    const closed = new TidegateError('closed', 'The connection is closed for good; nothing more is sent.')
    for (const seq of this.#outbox.clear()) this.#settle(seq, ({ reject }) => reject(closed))
    for (const subscription of this.#subscriptions.values()) subscription.end(closed)
    clearTimeout(this.#pumpTimer)
    clearTimeout(this.#expiryTimer)
  }

  #onOnline(grant: PublishGrant): void {
    this.#grant = grant
    for (const subscription of this.#subscriptions.values()) this.#connection.send(subscription.frame())
    this.#pump()
  }

  #onFrame(frame: ServerFrame, receipt: FrameReceipt): void {
    switch (frame.type) {
      case 'ack': {
        const { at, rejected = [], duplicate = false } = frame
        if (this.#outbox.settle(frame.seq))
          this.#settle(frame.seq, ({ resolve }) => resolve({ at, rejected, duplicate }))
        break
      }
      case 'reject':
        this.#onReject(frame)
        break
      case 'batch':
        for (const part of frame.parts) {
          const subscription = this.#subscriptions.get(part.sub)
          if (subscription === undefined) for (const _ of part.events) receipt.done()
          else subscription.receive(part, receipt)
        }
        break
      case 'subscribed':
        this.#subscriptions.get(frame.sub)?.grant(frame.positions)
        break
      case 'progress':
        this.#subscriptions.get(frame.sub)?.progress(frame.positions)
        break
      case 'gap': {
        const { type, sub, ...gap } = frame
        this.#subscriptions.get(sub)?.gap(gap)
        break
      }
      case 'unsubscribed':
        if (frame.code !== 'ok')
          this.#refuse(frame.sub, new TidegateError(frame.code, 'The server ended the subscription.'))
        break
      case 'result':
        this.#answer(frame.id, ({ resolve }) => resolve(frame.data))
        break
      case 'error':
        this.#onError(frame)
    }
  }

  #onReject({ seq, code, message, retryAfterMs }: Extract<ServerFrame, { type: 'reject' }>): void {
    if (retryAfterMs !== undefined) {
      this.#outbox.retry(seq, retryAfterMs, Date.now())
      this.#pump()
    } else if (this.#outbox.settle(seq)) this.#settle(seq, ({ reject }) => reject(new TidegateError(code, message)))
  }

  #onError({ id, sub, code, message, retryable }: Extract<ServerFrame, { type: 'error' }>): void {
    const error = new TidegateError(code, message, { retryable })
    if (id !== undefined) this.#answer(id, ({ reject }) => reject(error))
    if (sub !== undefined) this.#refuse(sub, error)
  }

  #refuse(sub: number, error: TidegateError): void {
    this.#subscriptions.get(sub)?.end(error)
    this.#subscriptions.delete(sub)
  }

  #answer(id: number, settle: (query: Waiting<unknown>) => void): void {
    const query = this.#queries.get(id)
    this.#queries.delete(id)
    if (query !== undefined) settle(query)
  }

  #settle(seq: number, settle: (publish: Waiting<PublishReceipt>) => void): void {
    const publish = this.#publishes.get(seq)
    this.#publishes.delete(seq)
    if (publish !== undefined) settle(publish)
    if (this.#outbox.size === 0) this.#idle?.()
    this.#pump()
  }

  /** Sends what the grant allows, now or when a rejection's wait is over. */
  #pump(): void {
    if (this.status !== 'online') return
    const now = Date.now()
    for (
      let frame = this.#outbox.next(now, this.#grant);
      frame !== undefined;
      frame = this.#outbox.next(now, this.#grant)
    ) {
      const age = frame.sentAt === undefined ? '' : `,"ageMs":${Math.max(0, now - frame.sentAt)}`
      frame.sentAt ??= now
      this.#connection.sendText(`${frame.head}${age}}`)
    }
    clearTimeout(this.#pumpTimer)
    const waitMs = this.#outbox.heldUntil - now
    if (waitMs > 0) this.#pumpTimer = setTimeout(() => this.#pump(), waitMs)
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiryTimer)
    const { expiresAt } = this.#outbox
    if (expiresAt === undefined) return
    this.#expiryTimer = setTimeout(
      () => {
        const expired = new TidegateError(
          'outbox_expired',
          'There was no connection for too long; the events were not sent.',
          {
            retryable: true,
          },
        )
        for (const seq of this.#outbox.expire(Date.now())) this.#settle(seq, ({ reject }) => reject(expired))
        this.#watchExpiry()
      },
      Math.max(0, expiresAt - Date.now()),
    )
  }
}

/** Opens a client. With `createClient<typeof config>` it knows the topics of that config. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  return new TidegateClient<C>(options)
}

interface FrameEvents {
  readonly json: string
  readonly bytes: number
  readonly count: number
}

function splitFrames(events: readonly string[]): FrameEvents[] {
  const frames: FrameEvents[] = []
  let chunk: string[] = []
  let chunkBytes = 0
  const close = () => {
    if (chunk.length > 0) frames.push({ json: chunk.join(','), bytes: chunkBytes, count: chunk.length })
    chunk = []
    chunkBytes = 0
  }
  for (const event of events) {
    const bytes = utf8Bytes(event) + 1
    if (bytes > FRAME_BYTES) {
      throw new TidegateError('event_too_large', `An event of ${bytes} bytes does not fit a frame.`)
    }
    if (chunk.length >= FRAME_EVENTS || chunkBytes + bytes > FRAME_BYTES) close()
    chunk.push(event)
    chunkBytes += bytes
  }
  close()
  return frames
}

/** One receipt for a call that took several frames; indexes count through the whole call. */
function combine(receipts: readonly PublishReceipt[], frames: readonly FrameEvents[]): PublishReceipt {
  let before = 0
  const rejected = receipts.flatMap((receipt, i) => {
    const shifted = receipt.rejected.map((event) => ({ ...event, index: event.index + before }))
    before += frames[i]!.count
    return shifted
  })
  return {
    at: receipts.flatMap(({ at }) => at),
    rejected,
    duplicate: receipts.every(({ duplicate }) => duplicate),
  }
}

function socketUrl(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol === 'https:' || protocol === 'wss:' ? 'wss' : 'ws'}://${host}/v1/ws`
}

function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, '0')).join('')
}
