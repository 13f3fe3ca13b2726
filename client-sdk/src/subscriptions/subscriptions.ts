import { type BatchPart, RETRYABLE, SUBSCRIPTIONS } from '@tidegate/protocol'
import { reconnectDelayMs, resendDelayMs } from '../backoff.ts'
import type { Link } from '../connection/connection.ts'
import { clientError, TidegateError } from '../errors/errors.ts'
import {
  type Check,
  has,
  isAbsentOr,
  isLane,
  isListOf,
  isNumber,
  isPosition,
  isRecord,
  isTableOf,
  isText,
} from '../frames/checks.ts'
import type { FrameReceipt, Meter } from '../frames/credit.ts'
import type { FrameChecks, FrameHandlers, FrameOf, Part } from '../frames/part.ts'
import type { ActiveSubscription, EventCallback, SubscriptionHost } from './active-subscription.ts'
import { readerToPause, twinsOf } from './sharing.ts'
import { type SubscribeOptions, sharingOf } from './subscribe-options.ts'
import { type WireKind, type WireReader, WireSubscription } from './wire-subscription.ts'

const isVector = isTableOf(isTableOf(isListOf(isText)))
const isTally = isAbsentOr(isNumber)
const COUNTS = { conflated: isTally, sampled: isTally }
/** `null` where it cannot be known. */
const isCount: Check = (value) => value === null || isNumber(value)

// Most of what comes: by checks of their own, which cost a third of those made of parts.
const isEvent: Check = (value) => isRecord(value) && isText(value.at)
const isOfLane: Check = (value) =>
  isRecord(value) &&
  isNumber(value.sub) &&
  isText(value.topic) &&
  isLane(value.lane) &&
  isTally(value.conflated) &&
  isTally(value.sampled)
const isEvents = isListOf(isEvent)
const isPart: Check = (value) => isOfLane(value) && isEvents((value as BatchPart).events)
const isGap = has({ upTo: isPosition, after: isAbsentOr(isPosition), count: isCount })

export const SUBSCRIPTION_CHECKS: FrameChecks = {
  subscribed: has({ sub: isNumber, positions: isVector }),
  unsubscribed: has({ sub: isNumber, code: isText }),
  batch: has({ parts: isListOf(isPart) }),
  gap: (value) => isOfLane(value) && isGap(value),
  progress: has({ sub: isNumber, positions: isVector, counts: isAbsentOr(isListOf(has(COUNTS))) }),
}

/** What the subscriptions of a client are made of. */
export interface SubscriptionKind extends WireKind {
  open(callback: EventCallback | undefined, isConcurrent: boolean, host: SubscriptionHost): ActiveSubscription
}

interface Surroundings extends Pick<SubscriptionHost, 'failed'> {
  readonly kind: SubscriptionKind
}

/** The open subscriptions of a client, requested again on every new connection. Equal ones are one on the wire. */
export class Subscriptions implements Part {
  readonly checks = SUBSCRIPTION_CHECKS
  readonly frames: FrameHandlers = {
    subscribed: (frame) => this.#granted(frame),
    batch: (frame, receipt) => this.#received(frame, receipt),
    progress: (frame) => this.#progressed(frame),
    gap: (frame) => this.#wires.get(frame.sub)?.withheld(frame),
    unsubscribed: (frame) => this.#interrupted(frame),
    error: (frame) => this.#refused(frame),
  }
  readonly #link: Link
  readonly #kind: SubscriptionKind
  readonly #host: SubscriptionHost
  /** By number. */
  readonly #wires = new Map<number, WireSubscription>()
  /** Numbers of those not yet granted on this connection. */
  readonly #asked = new Set<number>()
  #nextSub = 1
  /** Of the connection that delivers. */
  #credit: Meter | undefined
  #ended: TidegateError | undefined

  constructor(link: Link, { kind, failed }: Surroundings) {
    this.#link = link
    this.#kind = kind
    this.#host = {
      failed,
      own: (subscription) => this.#own(subscription),
      closed: (subscription) => this.#leave(subscription),
      caughtUp: (wire) => this.#resume(wire),
    }
  }

  open(
    selector: string,
    { concurrent = false, signal, ...options }: SubscribeOptions,
    callback: EventCallback | undefined,
  ): ActiveSubscription {
    const shared = this.#sharedBy(sharingOf(selector, options))
    const subscription = this.#kind.open(callback, concurrent, this.#host)
    const wire = shared ?? new WireSubscription(this.#nextSub++, selector, options, this.#link, this.#kind)
    wire.join(subscription)
    if (this.#ended !== undefined) {
      const ended = this.#ended
      // Later: whoever opened it listens then.
      queueMicrotask(() => subscription.end(ended))
    } else if (shared === undefined) this.#request(wire)
    this.#pauseUnread()
    if (signal !== undefined) subscription.closeOn(signal)
    return subscription
  }

  online(): void {
    this.#asked.clear()
    this.#credit = undefined
    for (const wire of this.#wires.values()) {
      this.#asked.add(wire.sub)
      wire.request()
    }
    if (this.#asked.size === 0) this.#link.resumed()
  }

  offline(): void {
    for (const wire of this.#wires.values()) wire.cancelLater()
  }

  /** One that another reader may join. */
  #sharedBy(sharing: string | undefined): WireSubscription | undefined {
    if (sharing === undefined) return undefined
    for (const wire of this.#wires.values()) {
      const isHere = !wire.isGranted || (this.#link.isOnline && !this.#asked.has(wire.sub))
      if (wire.sharing === sharing && isHere && wire.isOpenToOthers) return wire
    }
    return undefined
  }

  #request(wire: WireSubscription): void {
    this.#wires.set(wire.sub, wire)
    if (this.#link.isOnline) wire.request()
  }

  /** The reader gets a subscription of its own on the wire, from where it is. */
  #split(reader: WireReader): WireSubscription {
    const { wire } = reader
    const own = wire.copy(this.#nextSub++)
    wire.leave(reader)
    own.adopt(reader)
    this.#request(own)
    return own
  }

  /** One on the wire that the reader has to itself, if there is room for it. */
  #own(reader: WireReader): WireSubscription | undefined {
    if (reader.wire.readers.length === 1) return reader.wire
    return this.#wires.size < SUBSCRIPTIONS ? this.#split(reader) : undefined
  }

  #leave(reader: WireReader): void {
    const { wire } = reader
    wire.leave(reader)
    if (wire.readers.length > 0) return this.#resume(wire)
    wire.options.end(clientError('closed'))
    this.#drop(wire)
  }

  /** Nobody reads it any more. */
  #drop(wire: WireSubscription): void {
    this.#forget(wire)
    if (this.#link.isOnline) this.#link.send({ type: 'unsubscribe', sub: wire.sub })
  }

  #granted({ sub, positions, onSlow, maxRate, snapshot }: FrameOf<'subscribed'>): void {
    const wire = this.#wires.get(sub)
    if (wire === undefined) return
    wire.refusals = 0
    wire.granted(positions, { onSlow, ...(maxRate !== undefined && { maxRate }) }, snapshot === true)
    this.#resumed(sub)
    this.#merge()
  }

  #received({ parts }: FrameOf<'batch'>, receipt: FrameReceipt): void {
    this.#credit = receipt.credit
    for (const part of parts) {
      const wire = this.#wires.get(part.sub)
      if (wire !== undefined) wire.took(part, receipt)
      else for (const _ of part.events) receipt.done()
    }
    this.#pauseUnread()
    this.#merge()
  }

  #progressed({ sub, positions, counts = [] }: FrameOf<'progress'>): void {
    const wire = this.#wires.get(sub)
    wire?.resolved(positions)
    for (const more of counts) wire?.counted(more)
    this.#merge()
  }

  /** Pauses those with the most unread while all together hold up the connection: an event holds back its whole frame. */
  #pauseUnread(): void {
    const reader = this.#credit?.isFull && readerToPause(this.#wires.values())
    if (!reader) return
    const wire = this.#own(reader) ?? reader.wire
    wire.pause(true)
    this.#pauseUnread()
  }

  #resume(wire: WireSubscription): void {
    if (wire.isPaused && wire.readers.every((reader) => reader.isCaughtUp)) wire.pause(false)
  }

  /** Those that have come to the same place are one from here on. */
  #merge(): void {
    const twins = this.#asked.size > 0 || this.#wires.size < 2 ? undefined : twinsOf(this.#wires.values())
    if (twins === undefined) return
    const [wire, twin] = twins
    for (const reader of twin.readers) wire.adopt(reader)
    this.#drop(twin)
    this.#merge()
  }

  /** The server ended it: for good, or, such as when the client's rights have changed, to be requested again. */
  #interrupted({ sub, code, counts = [] }: FrameOf<'unsubscribed'>): void {
    const wire = this.#wires.get(sub)
    if (wire === undefined || code === 'ok') return
    for (const more of counts) wire.counted(more)
    if (!RETRYABLE.has(code)) {
      return this.#end(wire, new TidegateError(code, `The server ended ${wire.name}.`))
    }
    // A change that crossed the end opens another subscription there, which begins now and not where this one was.
    if (wire.interrupted()) return this.#link.reconnect()
    this.#askAgain(wire)
  }

  /**
   * The application need not handle a temporary refusal, such as Redis being away: the subscription is requested again.
   */
  #refused({ sub, code, message, retryable, retryAfterMs }: FrameOf<'error'>): void {
    const wire = sub === undefined ? undefined : this.#wires.get(sub)
    if (wire === undefined) return
    const { options } = wire
    if (options.isAsking && retryAfterMs !== undefined) this.#after(wire, retryAfterMs, () => options.askAgain())
    else if (options.refused(new TidegateError(code, message))) return
    else if (retryable) this.#askAgain(wire, retryAfterMs)
    else this.#end(wire, new TidegateError(code, message))
  }

  #askAgain(wire: WireSubscription, retryAfterMs?: number): void {
    this.#after(wire, retryAfterMs, () => wire.request())
  }

  #after(wire: WireSubscription, retryAfterMs: number | undefined, ask: () => void): void {
    const attempt = ++wire.refusals
    const random = Math.random()
    const delayMs =
      retryAfterMs === undefined ? reconnectDelayMs(attempt, random) : resendDelayMs(retryAfterMs, attempt, random)
    wire.later(delayMs, ask)
  }

  /** The application closes its client. */
  close(): void {
    for (const wire of this.#wires.values()) for (const reader of wire.readers) reader.close()
  }

  /** There will be no further connection. */
  end(reason: TidegateError): void {
    this.#ended = reason
    for (const wire of this.#wires.values()) this.#end(wire, reason)
  }

  #end(wire: WireSubscription, reason: TidegateError): void {
    this.#forget(wire)
    wire.end(reason)
  }

  #resumed(sub: number): void {
    if (this.#asked.delete(sub) && this.#asked.size === 0) this.#link.resumed()
  }

  #forget(wire: WireSubscription): void {
    this.#resumed(wire.sub)
    wire.cancelLater()
    this.#wires.delete(wire.sub)
  }
}
