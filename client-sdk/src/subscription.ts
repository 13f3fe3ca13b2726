import type { BatchPart, GapFrame, Lane, SubscribeOptions, PositionVector as WireVector } from '@tidegate/protocol'
import type { TopicEvent } from './contract-types.ts'
import type { FrameReceipt } from './credit.ts'
import { TidegateError } from './errors.ts'
import { PositionVector } from './position-vector.ts'

/** Matched events that were withheld from a subscription: how many, where and why. */
export type Gap = Omit<GapFrame, 'type' | 'sub'>

/** What the client does for its subscriptions. */
export interface SubscriptionHost {
  unsubscribe(sub: number): void
}

/**
 * One subscription, over all connections of its client. Give a callback, or iterate: events wait for the iterator, and
 * while they wait the server sends no more than its window.
 */
export class Subscription<Event = TopicEvent<string, unknown>> implements AsyncIterable<Event> {
  readonly sub: number
  readonly selector: string
  /** Resolves when the server has granted it; rejects when it refused, or the client closed before. */
  readonly ready: Promise<void>
  /** Events handed to the application. */
  delivered = 0
  /** Events received again after a reconnect and dropped. */
  repeats = 0
  /** Gaps reported. */
  gaps = 0
  readonly #options: SubscribeOptions
  readonly #host: SubscriptionHost
  readonly #callback: ((event: Event) => void) | undefined
  readonly #vector = new PositionVector()
  readonly #gapListeners = new Set<(gap: Gap) => void>()
  readonly #waiting: { readonly event: Event; readonly receipt: FrameReceipt }[] = []
  #wake: (() => void) | undefined
  #granted = false
  #closed = false
  #resolve!: () => void
  #reject!: (error: TidegateError) => void

  constructor(
    host: SubscriptionHost,
    sub: number,
    selector: string,
    options: SubscribeOptions,
    callback?: (event: Event) => void,
  ) {
    this.#host = host
    this.sub = sub
    this.selector = selector
    this.#options = options
    this.#callback = callback
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever does not await it must not be ended by its rejection.
    this.ready.catch(() => {})
  }

  /** How far this subscription is resolved: pass it as `from: { positions }` to go on from here later. */
  get positions(): WireVector {
    return this.#vector.toWire()
  }

  /** Calls back for every gap, in order with the events. Returns what ends that. */
  onGap(listener: (gap: Gap) => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  /** Ends the subscription and its iterators. */
  close(): void {
    if (this.#closed) return
    this.#host.unsubscribe(this.sub)
    this.end(new TidegateError('closed', 'The subscription was closed.'))
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Event> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) {
        this.delivered++
        next.receipt.done()
        yield next.event
      } else if (this.#closed) return
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }

  /** The frame that asks for it: from where it is resolved, or as the application said. @internal */
  frame(): object {
    const from = this.#granted ? { positions: this.#vector.toWire() } : this.#options.from
    return {
      type: 'subscribe',
      sub: this.sub,
      topic: this.selector,
      ...this.#options,
      ...(from !== undefined && { from }),
    }
  }

  /** @internal */
  grant(positions: WireVector): void {
    this.#granted = true
    this.#vector.merge(positions)
    this.#resolve()
  }

  /** @internal */
  progress(positions: WireVector): void {
    this.#vector.merge(positions)
  }

  /** @internal */
  receive(part: BatchPart, receipt: FrameReceipt): void {
    const { topic, lane, events } = part
    for (const event of events) {
      if (this.#closed || !this.#vector.admit(topic, lane, event.at)) {
        this.repeats++
        receipt.done()
      } else this.#deliver({ topic, lane, ...event } as Event, receipt)
    }
  }

  /** @internal */
  gap(gap: { topic: string; lane: Lane } & Gap): void {
    this.#vector.admit(gap.topic, gap.lane, gap.upTo)
    this.gaps++
    for (const listener of this.#gapListeners) listener(gap)
  }

  /** The server or the client ended it. @internal */
  end(reason: TidegateError): void {
    this.#closed = true
    this.#reject(reason)
    this.#wake?.()
    for (const { receipt } of this.#waiting.splice(0)) receipt.done()
  }

  #deliver(event: Event, receipt: FrameReceipt): void {
    if (this.#callback === undefined) {
      this.#waiting.push({ event, receipt })
      this.#wake?.()
      this.#wake = undefined
      return
    }
    this.delivered++
    try {
      this.#callback(event)
    } finally {
      receipt.done()
    }
  }
}
