import type { Picks } from '../wire/encoded-events.ts'
import type { Entry, LaneIndex } from '../wire/entry.ts'
import { Feed, type FeedOwner, type FeedStart } from './feed.ts'
import { Part } from '../queue/feed-lane.ts'
import type { Ledger } from '../queue/ledger.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'
import type { SubscriptionQueue } from '../queue/subscription-queue.ts'

/** Where a subscription's events go: its session. */
export interface EventSink {
  offer(feed: Feed, lane: LaneIndex, entry: Entry, picks: Picks): void
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
  addFeeds(topic: string, starts: readonly FeedStart[]): void {
    this.#feeds.set(
      topic,
      starts.map((start, partition) => new Feed(this, topic, partition, start)),
    )
  }

  feed(topic: string, partition: number): Feed | undefined {
    return this.#feeds.get(topic)?.[partition]
  }

  *feeds(): Iterable<Feed> {
    for (const feeds of this.#feeds.values()) yield* feeds
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
