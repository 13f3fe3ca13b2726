import type { Mark } from '../../bus/index.ts'
import type { LogStart, Loss } from '../log/index.ts'
import type { Ledger, SubscriptionQueue } from '../queue/index.ts'
import { type Entry, type LaneIndex, type Part, type Picks, partOf } from '../wire/index.ts'
import { Feed, type FeedOwner } from './feed.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'
import type { Indexed } from './topic-index.ts'

/** Gets the events that the index finds for it: a subscription, or one that stands for many. */
export interface Receiver extends Indexed {
  readonly sink: Pick<EventSink, 'fail'>
  /** Events in the turn in which the tail read them. */
  offer(lane: LaneIndex, entry: Entry, picks: Picks): void
  /** The entry was offered in all lanes, and may belong to the backlog of an outage. */
  caughtUpTo(entry: Entry): void
}

/** How far a feed lane is whose events do not wait in a queue of the subscription. */
export interface PassedLane {
  readonly topic: string
  readonly partition: number
  readonly index: LaneIndex
  /** Position of the last event that was handed to the socket. */
  readonly taken: Mark
}

/** The owner of a subscription. */
export interface EventSink {
  /** Whether it is closed: an earlier offer within the turn, to this or another subscriber, may have closed it. */
  readonly isClosed: boolean
  /** Events were queued, and may wait this long to be batched. */
  queued(queue: SubscriptionQueue, withinMs: number): void
  /** A feed was offered an entry that may belong to the backlog of an outage. */
  caughtUpTo(feed: Feed, entry: Entry): void
  /** An offer threw. MUST NOT throw. */
  fail(where: string, error: unknown): void
}

/** One subscription of one session, with a feed per topic and partition once its start is known. */
export class Subscription implements FeedOwner, Receiver {
  /** Changes when the client changes its options. */
  plan: SubscriptionPlan
  readonly queue: SubscriptionQueue
  readonly sink: EventSink
  readonly #feeds = new Map<string, readonly Feed[]>()
  /** By lane and topic; created on first use, as most have nothing to report. */
  #parts: Map<string, Part> | undefined

  constructor(plan: SubscriptionPlan, queue: SubscriptionQueue, sink: EventSink) {
    this.plan = plan
    this.queue = queue
    this.sink = sink
  }

  get ledger(): Readonly<Ledger> {
    return this.queue.ledger
  }

  get hasBegun(): boolean {
    return this.#feeds.size > 0
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

  /** Events that never waited here were handed to the socket. @param lanes those that moved by them */
  passed(events: number, lanes: Iterable<PassedLane>): void {
    for (const { topic, partition, index, taken } of lanes) this.feed(topic, partition)!.passed(index, taken)
    this.queue.passed(events)
  }

  /** Goes to live feeds only. */
  offer(lane: LaneIndex, entry: Entry, picks: Picks): void {
    const feed = this.feed(entry.topic, entry.partition)
    if (feed?.state.kind !== 'live' || this.sink.isClosed) return
    feed.offer(lane, entry, picks)
    this.sink.queued(this.queue, companyMs(this.plan, lane, this.ledger.queued))
  }

  caughtUpTo(entry: Entry): void {
    const feed = this.feed(entry.topic, entry.partition)
    // What a replay has offered does not wait here again.
    if (feed?.state.kind !== 'live' || feed.wasReplayedBeyond(entry.streamId) || this.sink.isClosed) return
    this.sink.caughtUpTo(feed, entry)
  }

  /** The log was trimmed up to `upTo` before it was read. Returns whether that concerns a live feed. */
  reportTrimmed(topic: string, partition: number, upTo: Mark): boolean {
    const feed = this.feed(topic, partition)
    if (feed?.state.kind !== 'live') return false
    for (const lane of feed.laneIndexes()) feed.reportTrimmed(lane, upTo)
    return true
  }

  /** The log has lost the entry read last. Returns whether a gap reports it: a replay mostly meets the new epoch itself. */
  reportLost(topic: string, partition: number, { had, upTo, isUnmarked }: Loss): boolean {
    const feed = this.feed(topic, partition)
    if (feed === undefined) return false
    if (isUnmarked) {
      if (!feed.cutTo(upTo)) return false
    } else {
      // Where the tail continues under the old epoch, it has not gone back before what replays have read of later ones.
      if (upTo.epoch !== had) feed.goBack(upTo)
      if (feed.state.kind !== 'live') return false
    }
    // A lane already under another epoch was resumed from a gateway that is ahead.
    const lanes = feed.laneIndexes().filter((lane) => feed.epochOf(lane) === had)
    for (const lane of lanes) feed.reportEpoch(lane, upTo)
    return true
  }

  *feeds(): Iterable<Feed> {
    for (const feeds of this.#feeds.values()) yield* feeds
  }

  /** The same for all partitions of the topic. */
  part(topic: string, lane: LaneIndex): Part {
    this.#parts ??= new Map()
    return partOf(this.#parts, this.plan.sub, topic, lane, isPaced(this.plan, lane))
  }
}

/** Whether events of a lane may wait because the subscriber wants it so. */
export function isPaced({ batch, policy }: SubscriptionPlan, lane: LaneIndex): boolean {
  return policy.maxRate !== undefined || (batch !== undefined && lane !== 0)
}

/** How long a newly queued event may wait to be batched, of so many that wait. High never waits. */
export function companyMs({ batch }: SubscriptionPlan, lane: LaneIndex, queued: number): number {
  return batch === undefined || lane === 0 || queued >= batch.maxEvents ? 0 : batch.maxMs
}
