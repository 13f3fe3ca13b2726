import { type BatchPart, type ClientFrame, LANES, type Lane, type ServerFrame } from '@tidegate/protocol'
import type { Feed } from './feed.ts'
import type { LoggedEvent } from './test-log.ts'
import { shown, type TestSubscription, vectorOf } from './test-subscription.ts'

/** Shares of the window, as PROTOCOL.md has them: only `high` is written beyond the first, others again from the second on. */
const HIGH_WATER = 0.75
const LOW_WATER = 0.25
/** Bytes of events in one frame: small enough that a window takes several. */
const FRAME_BYTES = 16_384

type Waiting = readonly [TestSubscription, Feed]

interface Due {
  readonly subscription: TestSubscription
  readonly feed: Feed
  readonly logged: LoggedEvent
  readonly text: string
}

/** What is delivered on one connection, as far as the client confirms it. */
export class Delivery {
  readonly subscriptions = new Map<number, TestSubscription>()
  readonly #send: (frame: ServerFrame) => void
  readonly #maxWaiting: number
  /** Absent: the client sends no credit. */
  readonly #windowBytes: number
  #written = 0
  #confirmed = 0
  #isCongested = false
  /** Subscriptions that nobody reads at present. */
  readonly #paused = new Set<number>()

  /** @param maxWaiting events of `normal` and `low` that may wait; beyond it the oldest become a gap */
  constructor(windowBytes: number | undefined, maxWaiting: number, send: (frame: ServerFrame) => void) {
    this.#windowBytes = windowBytes ?? Number.POSITIVE_INFINITY
    this.#maxWaiting = maxWaiting
    this.#send = send
  }

  /** Bytes of any frame. */
  wrote(bytes: number): void {
    this.#written += bytes
  }

  credited({ bytes, subs = {} }: Pick<Extract<ClientFrame, { type: 'credit' }>, 'bytes' | 'subs'>): void {
    this.#confirmed = Math.min(this.#written, Math.max(this.#confirmed, bytes))
    for (const [sub, room] of Object.entries(subs)) {
      if (room === 0) this.#paused.add(Number(sub))
      else this.#paused.delete(Number(sub))
    }
  }

  subscribed(subscription: TestSubscription): void {
    this.#paused.delete(subscription.sub)
    this.subscriptions.set(subscription.sub, subscription)
  }

  /** Writes what waits. @param isHeld topics whose events are withheld */
  flush(isHeld: (topic: string) => boolean): void {
    for (const subscription of this.subscriptions.values()) {
      if (this.#paused.has(subscription.sub)) continue
      for (const part of subscription.snapshot.splice(0)) this.#send({ type: 'batch', parts: [part] })
    }
    while (this.#reportGaps(isHeld) || this.#writeBatch(isHeld)) {}
    if (this.#isCongested) this.#dropOldest(['low', 'normal'], this.#feeds(), this.#maxWaiting)
    const paused = this.#feeds().filter(([{ sub }]) => this.#paused.has(sub))
    this.#dropOldest(['low', 'normal', 'high'], paused, this.#maxWaiting / 2)
  }

  /** Withholds everything that waits of a topic. */
  withhold(topic: string): void {
    for (const [subscription, feed] of this.#feeds()) {
      if (feed.log.topic === topic) this.#withhold(subscription, feed, feed.waiting())
    }
  }

  /** Moves the positions of quiet subscriptions. */
  progress(): void {
    for (const subscription of this.subscriptions.values()) {
      const moved = subscription.feeds.filter((feed) => feed.progresses())
      if (moved.length > 0) this.#send({ type: 'progress', sub: subscription.sub, positions: vectorOf(moved) })
    }
  }

  #reportGaps(isHeld: (topic: string) => boolean): boolean {
    this.#look()
    let isAny = false
    for (const [{ sub }, feed] of this.#feeds()) {
      const { topic } = feed.log
      const isLater = this.#isHeldBack(sub, topic, isHeld) || (this.#isCongested && feed.lane !== 'high')
      const gap = isLater ? undefined : feed.dueGap()
      if (gap !== undefined) this.#send({ type: 'gap', sub, topic, lane: feed.lane, ...gap })
      isAny ||= gap !== undefined
    }
    return isAny
  }

  #isHeldBack(sub: number, topic: string, isHeld: (topic: string) => boolean): boolean {
    return this.#paused.has(sub) || isHeld(topic)
  }

  /** @returns the bytes in flight */
  #look(): number {
    const inFlight = this.#written - this.#confirmed
    if (inFlight <= this.#windowBytes * LOW_WATER) this.#isCongested = false
    return inFlight
  }

  #writeBatch(isHeld: (topic: string) => boolean): boolean {
    const due = this.#due(isHeld)
    if (due.length === 0) return false
    const parts: BatchPart[] = []
    for (const { subscription, feed, logged } of due) {
      feed.delivered(logged)
      subscription.delivered++
      const { topic, lane } = logged.event
      const last = parts.at(-1)
      const event = shown(logged.event)
      const fits = last?.sub === subscription.sub && last.topic === topic && last.lane === lane
      if (fits) (last.events as (typeof event)[]).push(event)
      else parts.push({ sub: subscription.sub, topic, lane, events: [event] })
    }
    this.#send({ type: 'batch', parts })
    return true
  }

  /** What fits into the next frame: `high` before `normal` before `low`, each in the order of the log. */
  #due(isHeld: (topic: string) => boolean): Due[] {
    const inFlight = this.#look()
    const due: Due[] = []
    let bytes = 0
    for (const lane of LANES) {
      const limit = lane === 'high' ? this.#windowBytes : this.#windowBytes * HIGH_WATER
      if (lane !== 'high' && this.#isCongested) continue
      for (const next of this.#waiting(lane, isHeld)) {
        const isFirst = due.length === 0 && inFlight <= this.#windowBytes * LOW_WATER
        if (!isFirst && inFlight + bytes + next.text.length > limit) {
          this.#isCongested = true
          break
        }
        if (bytes > FRAME_BYTES) return due
        due.push(next)
        bytes += next.text.length
      }
    }
    return due
  }

  #waiting(lane: Feed['lane'], isHeld: (topic: string) => boolean): Due[] {
    const waiting: Due[] = []
    for (const [subscription, feed] of this.#feeds()) {
      if (feed.lane !== lane || this.#isHeldBack(subscription.sub, feed.log.topic, isHeld)) continue
      for (const logged of feed.waiting()) {
        waiting.push({ subscription, feed, logged, text: JSON.stringify(logged.event) })
      }
    }
    return waiting.sort((a, b) => a.logged.number - b.logged.number)
  }

  #dropOldest(lanes: readonly Lane[], feeds: readonly Waiting[], most: number): void {
    let excess = -most
    for (const [, feed] of feeds) if (lanes.includes(feed.lane)) excess += feed.waiting().length
    for (const lane of lanes) {
      for (const [subscription, feed] of feeds) {
        if (feed.lane !== lane || excess <= 0) continue
        const dropped = feed.waiting().slice(0, Math.ceil(excess))
        excess -= dropped.length
        this.#withhold(subscription, feed, dropped)
      }
    }
  }

  #withhold(subscription: TestSubscription, feed: Feed, events: readonly LoggedEvent[]): void {
    if (events.length === 0) return
    subscription.gapped += events.length
    feed.withhold(events)
  }

  #feeds(): Waiting[] {
    return [...this.subscriptions.values()].flatMap((subscription) =>
      subscription.feeds.map((feed) => [subscription, feed] as const),
    )
  }
}
