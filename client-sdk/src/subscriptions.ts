import { RETRYABLE, type SubscribeOptions } from '@tidegate/protocol'
import { reconnectDelayMs, resendDelayMs } from './backoff.ts'
import { has, isAbsentOr, isLane, isListOf, isNumber, isPosition, isTableOf, isText } from './connection/checks.ts'
import type { Link } from './connection.ts'
import type { TopicEvent } from './contract-types.ts'
import type { FrameReceipt } from './credit.ts'
import { TidegateError } from './errors.ts'
import type { FrameChecks, FrameHandlers, FrameOf, Part } from './part.ts'
import { ActiveSubscription, type Subscription, type SubscriptionHost } from './subscription.ts'

type AnyEvent = TopicEvent<string, unknown>

interface Entry {
  readonly subscription: ActiveSubscription<AnyEvent>
  /** Temporary refusals in a row. */
  refusals: number
  retryTimer: ReturnType<typeof setTimeout> | undefined
}

const isVector = isTableOf(isTableOf(isListOf(isText)))
const COUNTS = { conflated: isAbsentOr(isNumber), sampled: isAbsentOr(isNumber) }
const OF_LANE = { sub: isNumber, topic: isText, lane: isLane, ...COUNTS }

export const SUBSCRIPTION_CHECKS: FrameChecks = {
  subscribed: has({ sub: isNumber, positions: isVector }),
  unsubscribed: has({ sub: isNumber, code: isText }),
  batch: has({ parts: isListOf(has({ ...OF_LANE, events: isListOf(has({ at: isText })) })) }),
  gap: has({ ...OF_LANE, upTo: isPosition, after: isAbsentOr(isPosition) }),
  progress: has({ sub: isNumber, positions: isVector, counts: isAbsentOr(isListOf(has(COUNTS))) }),
}

/** The open subscriptions of a client, requested again on every new connection. */
export class Subscriptions implements Part {
  readonly checks = SUBSCRIPTION_CHECKS
  readonly frames: FrameHandlers = {
    subscribed: (frame) => this.#granted(frame),
    batch: (frame, receipt) => this.#received(frame, receipt),
    progress: (frame) => this.#progressed(frame),
    gap: (frame) => this.#entries.get(frame.sub)?.subscription.withheld(frame),
    unsubscribed: (frame) => this.#interrupted(frame),
    error: (frame) => this.#refused(frame),
  }
  readonly #link: Link
  readonly #ask: SubscriptionHost['ask']
  readonly #failed: SubscriptionHost['failed']
  readonly #entries = new Map<number, Entry>()
  /** Subscriptions not yet granted on this connection. */
  readonly #asked = new Set<number>()
  #nextSub = 1
  #ended: TidegateError | undefined

  constructor(link: Link, { ask, failed }: Pick<SubscriptionHost, 'ask' | 'failed'>) {
    this.#link = link
    this.#ask = ask
    this.#failed = failed
  }

  open(
    selector: string,
    options: SubscribeOptions,
    callback: ((event: AnyEvent) => void) | undefined,
  ): Subscription<AnyEvent> {
    const sub = this.#nextSub++
    const subscription = new ActiveSubscription<AnyEvent>(sub, selector, options, callback, {
      send: (frame) => this.#link.send(frame),
      ask: this.#ask,
      failed: this.#failed,
      closed: () => {
        this.#forget(sub)
        if (this.#link.isOnline) this.#link.send({ type: 'unsubscribe', sub })
      },
    })
    if (this.#ended !== undefined) {
      const ended = this.#ended
      // Later: whoever opened it listens then.
      queueMicrotask(() => subscription.end(ended))
      return subscription
    }
    this.#entries.set(sub, { subscription, refusals: 0, retryTimer: undefined })
    if (this.#link.isOnline) this.#link.send(subscription.frame())
    return subscription
  }

  online(): void {
    this.#asked.clear()
    for (const [sub, { subscription }] of this.#entries) {
      this.#asked.add(sub)
      this.#link.send(subscription.frame())
    }
    if (this.#asked.size === 0) this.#link.resumed()
  }

  offline(): void {
    for (const entry of this.#entries.values()) clearTimeout(entry.retryTimer)
  }

  #granted({ sub, positions, onSlow, maxRate, snapshot }: FrameOf<'subscribed'>): void {
    const entry = this.#entries.get(sub)
    if (entry === undefined) return
    entry.refusals = 0
    entry.subscription.granted(positions, { onSlow, ...(maxRate !== undefined && { maxRate }) }, snapshot === true)
    this.#resumed(sub)
  }

  #received({ parts }: FrameOf<'batch'>, receipt: FrameReceipt): void {
    for (const part of parts) {
      const entry = this.#entries.get(part.sub)
      if (entry !== undefined) entry.subscription.received(part, receipt)
      else for (const _ of part.events) receipt.done()
    }
  }

  #progressed({ sub, positions, counts = [] }: FrameOf<'progress'>): void {
    const entry = this.#entries.get(sub)
    entry?.subscription.resolved(positions)
    for (const more of counts) entry?.subscription.counted(more)
  }

  /** The server ended it: for good, or, such as when the client's rights have changed, to be requested again. */
  #interrupted({ sub, code, counts = [] }: FrameOf<'unsubscribed'>): void {
    const entry = this.#entries.get(sub)
    if (entry === undefined || code === 'ok') return
    for (const more of counts) entry.subscription.counted(more)
    if (!RETRYABLE.has(code))
      return this.#end(
        sub,
        new TidegateError(code, `The server ended the subscription to ${entry.subscription.selector}.`),
      )
    // A change that crossed the end opens another subscription there, which begins now and not where this one was.
    if (entry.subscription.interrupted()) return this.#link.reconnect()
    this.#askAgain(entry)
  }

  /**
   * The application need not handle a temporary refusal, such as Redis being away: the subscription is requested again.
   */
  #refused({ sub, code, message, retryable, retryAfterMs }: FrameOf<'error'>): void {
    const entry = sub === undefined ? undefined : this.#entries.get(sub)
    if (sub === undefined || entry === undefined) return
    const { subscription } = entry
    if (subscription.isChanging && retryAfterMs !== undefined) {
      this.#after(entry, retryAfterMs, () => subscription.askAgain())
    } else if (subscription.refused(new TidegateError(code, message))) return
    else if (retryable) this.#askAgain(entry, retryAfterMs)
    else this.#end(sub, new TidegateError(code, message))
  }

  #askAgain(entry: Entry, retryAfterMs?: number): void {
    this.#after(entry, retryAfterMs, () => this.#link.send(entry.subscription.frame()))
  }

  #after(entry: Entry, retryAfterMs: number | undefined, ask: () => void): void {
    const attempt = ++entry.refusals
    const random = Math.random()
    const delayMs =
      retryAfterMs === undefined ? reconnectDelayMs(attempt, random) : resendDelayMs(retryAfterMs, attempt, random)
    clearTimeout(entry.retryTimer)
    entry.retryTimer = setTimeout(ask, delayMs)
  }

  /** The application closes its client. */
  close(): void {
    for (const { subscription } of [...this.#entries.values()]) subscription.close()
  }

  /** There will be no further connection. */
  end(reason: TidegateError): void {
    this.#ended = reason
    for (const sub of [...this.#entries.keys()]) this.#end(sub, reason)
  }

  #end(sub: number, reason: TidegateError): void {
    const entry = this.#entries.get(sub)
    this.#forget(sub)
    entry?.subscription.end(reason)
  }

  #resumed(sub: number): void {
    if (this.#asked.delete(sub) && this.#asked.size === 0) this.#link.resumed()
  }

  #forget(sub: number): void {
    this.#resumed(sub)
    clearTimeout(this.#entries.get(sub)?.retryTimer)
    this.#entries.delete(sub)
  }
}
