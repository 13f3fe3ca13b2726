import { LANES } from '@tidegate/protocol'
import type { Picks } from './encoded-events.ts'
import { type Entry, LANE_INDEXES, type LaneIndex } from './entry.ts'
import { Feed, type FeedStart } from './feed.ts'
import { type Ledger, openLedger } from './ledger.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

/** Where a subscription's events go: its session. */
export interface EventSink {
  offer(feed: Feed, lane: LaneIndex, entry: Entry, picks: Picks): void
}

/** One subscription of one session, with a feed per topic and partition once its start is known. */
export class Subscription {
  readonly plan: SubscriptionPlan
  readonly sink: EventSink
  readonly ledger: Ledger = openLedger()
  readonly #feeds = new Map<string, Feed[]>()

  constructor(plan: SubscriptionPlan, sink: EventSink) {
    this.plan = plan
    this.sink = sink
  }

  /** Creates the feeds of one topic. @param starts one per partition */
  addFeeds(topic: string, starts: readonly FeedStart[]): void {
    const partHeads = LANE_INDEXES.map((lane) =>
      Buffer.from(`{"sub":${this.plan.sub},"topic":${JSON.stringify(topic)},"lane":"${LANES[lane]}","events":[`),
    )
    this.#feeds.set(
      topic,
      starts.map((start, partition) => new Feed(this, topic, partition, start, partHeads)),
    )
  }

  feed(topic: string, partition: number): Feed | undefined {
    return this.#feeds.get(topic)?.[partition]
  }

  *feeds(): Iterable<Feed> {
    for (const feeds of this.#feeds.values()) yield* feeds
  }
}
