import type { LogStart } from '../log/index.ts'
import type { Ledger, SubscriptionQueue } from '../queue/index.ts'
import { type Entry, type LaneIndex, Part, type Picks } from '../wire/index.ts'
import { Feed, type FeedOwner } from './feed.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

/** Whose a subscription is. */
export interface EventSink {
  /** What was offered before, to this subscriber or to another, may have closed it within the turn. */
  readonly isClosed: boolean
  /** Events of a subscription were queued, and may wait for company for so long. */
  queued(queue: SubscriptionQueue, withinMs: number): void
  /** An entry that may be one of many after an outage was offered to a feed as a whole. */
  caughtUpTo(feed: Feed, entry: Entry): void
  /** Something was thrown on the way to it. MUST NOT throw. */
  fail(where: string, error: unknown): void
}

/** One subscription of one session, with a feed per topic and partition once its start is known. */
export class Subscription implements FeedOwner {
  /** Changes when the client changes its options. */
  plan: SubscriptionPlan
  readonly queue: SubscriptionQueue
  readonly sink: EventSink
  readonly #feeds = new Map<string, readonly Feed[]>()
  /** By lane and topic; made when it is first needed, as most have nothing to tell of most. */
  #parts: Map<string, Part> | undefined

  constructor(plan: SubscriptionPlan, queue: SubscriptionQueue, sink: EventSink) {
    this.plan = plan
    this.queue = queue
    this.sink = sink
  }

  get ledger(): Readonly<Ledger> {
    return this.queue.ledger
  }

  /** Creates the feeds of one topic. @param starts one per partition */
  addFeeds(topic: string, starts: readonly LogStart[]): void {
    this.#feeds.set(
      topic,
      starts.map((start, partition) => new Feed(this, topic, partition, start)),
    )
  }

  feed(topic: string, partition: number): Feed | undefined {
    return this.#feeds.get(topic)?.[partition]
  }

  /** Events of a live feed, in the turn in which the tail read them. */
  offer(lane: LaneIndex, entry: Entry, picks: Picks): void {
    const feed = this.feed(entry.topic, entry.partition)
    if (feed?.state.kind !== 'live' || this.sink.isClosed) return
    feed.offer(lane, entry, picks)
    this.sink.queued(this.queue, this.#companyMs(lane))
  }

  /** The entry was offered in all lanes, and may be one of many after an outage. */
  caughtUpTo(entry: Entry): void {
    const feed = this.feed(entry.topic, entry.partition)
    if (feed?.state.kind === 'live' && !this.sink.isClosed) this.sink.caughtUpTo(feed, entry)
  }

  *feeds(): Iterable<Feed> {
    for (const feeds of this.#feeds.values()) yield* feeds
  }

  /** How long an event that was just queued may wait for company. High never waits. */
  #companyMs(lane: LaneIndex): number {
    const { batch } = this.plan
    return batch === undefined || lane === 0 || this.queue.ledger.queued >= batch.maxEvents ? 0 : batch.maxMs
  }

  /** The same for all partitions of the topic. */
  part(topic: string, lane: LaneIndex): Part {
    const name = `${lane}${topic}`
    this.#parts ??= new Map()
    let part = this.#parts.get(name)
    if (part === undefined) {
      part = new Part(this.plan.sub, topic, lane)
      this.#parts.set(name, part)
    }
    return part
  }
}
