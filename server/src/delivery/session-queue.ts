import type { Picks } from './encoded-events.ts'
import type { Entry, LaneIndex } from './entry.ts'
import { LANE_INDEXES } from './entry.ts'
import type { Feed, FeedLane } from './feed.ts'
import type { Gap } from './gap.ts'
import { LaneQueue } from './lane-queue.ts'
import type { NodeTotals } from './ledger.ts'
import { type Mark, precedingId, wholeEntry } from './mark.ts'
import { eventsLeft, openRun, type Run } from './run.ts'

/** What one session may have waiting. */
export interface QueueBounds {
  /** Encoded bytes of the events. */
  readonly bytes: number
  readonly events: number
}

export const QUEUE_BOUNDS: QueueBounds = {
  /** About 16 s of a 1 Mbit/s link: what is older is better fetched than pushed. */
  bytes: 2 * 1_048_576,
  /** Whatever their size: their bookkeeping costs memory too. */
  events: 16_384,
}

/** A replay waits while more than this share of either bound is queued: the rest is for what arrives live. */
const REPLAY_SHARE = 0.125

/** Everything one session has waiting: three lanes under common bounds, and the ledgers of its subscriptions. */
export class SessionQueue {
  readonly lanes: Readonly<Record<LaneIndex, LaneQueue>> = {
    0: new LaneQueue(),
    1: new LaneQueue(),
    2: new LaneQueue(),
  }
  readonly #bounds: QueueBounds
  readonly #totals: NodeTotals

  constructor(bounds: QueueBounds, totals: NodeTotals) {
    this.#bounds = bounds
    this.#totals = totals
  }

  get isEmpty(): boolean {
    return this.lanes[0].isEmpty && this.lanes[1].isEmpty && this.lanes[2].isEmpty
  }

  get bytes(): number {
    return this.lanes[0].bytes + this.lanes[1].bytes + this.lanes[2].bytes
  }

  get events(): number {
    return this.lanes[0].events + this.lanes[1].events + this.lanes[2].events
  }

  get hasRoomForReplay(): boolean {
    return this.bytes <= this.#bounds.bytes * REPLAY_SHARE && this.events <= this.#bounds.events * REPLAY_SHARE
  }

  /** Queues the picked events of an entry that the feed lane has not had yet. */
  offer(feed: Feed, laneIndex: LaneIndex, entry: Entry, matched: Picks): void {
    const lane = feed.lanes[laneIndex]
    if (lane === undefined) return
    const picks = feed.beyondStart(lane, entry, matched)
    if (picks.length === 0) return
    if (lane.epoch !== entry.epoch) this.tellEpoch(lane, wholeEntry(entry.epoch, precedingId(entry.streamId)))
    const run = openRun(lane, entry, picks)
    const { ledger } = feed.subscription
    ledger.matched += picks.length
    ledger.queued += picks.length
    const totals = this.#totals[laneIndex]
    totals.queued += picks.length
    totals.queuedBytes += run.bytes
    this.lanes[laneIndex].pushRun(run)
  }

  /** The log went on under another epoch: what the subscriber had last may be gone, and events before `upTo` unseen. */
  tellEpoch(lane: FeedLane, upTo: Mark): void {
    this.#tell(lane, upTo, 'epoch')
  }

  /** The log was trimmed up to `upTo` before it could be read. */
  tellTrimmed(lane: FeedLane, upTo: Mark): void {
    this.#tell(lane, upTo, 'trimmed')
  }

  /** Drops the oldest runs, low lane first, until the bounds hold. False: only the high lane is left, which is never dropped. */
  enforceBounds(): boolean {
    while (this.bytes > this.#bounds.bytes || this.events > this.#bounds.events) {
      const dropped = this.lanes[2].dropOldest() ?? this.lanes[1].dropOldest()
      if (dropped === undefined) return false
      const count = eventsLeft(dropped)
      const { ledger } = dropped.lane.feed.subscription
      ledger.queued -= count
      ledger.gapped += count
      const totals = this.#totals[dropped.lane.lane]
      totals.gapped += count
      totals.queued -= count
      totals.queuedBytes -= dropped.bytes
    }
    return true
  }

  /** The next gap to be told, highest lane first, and the lane queue to confirm it to. */
  dueGap(): { readonly gap: Gap; readonly queue: LaneQueue } | undefined {
    for (const lane of LANE_INDEXES) {
      const gap = this.lanes[lane].dueGap()
      if (gap !== undefined) return { gap, queue: this.lanes[lane] }
    }
    return undefined
  }

  /** Events of the lane's front run up to pick `to` were handed to the socket. */
  delivered(run: Run, to: number, bytes: number): void {
    const count = to - run.next
    const { ledger } = run.lane.feed.subscription
    ledger.queued -= count
    ledger.delivered += count
    const totals = this.#totals[run.lane.lane]
    totals.delivered += count
    totals.queued -= count
    totals.queuedBytes -= bytes
    this.lanes[run.lane.lane].delivered(run, to, bytes)
  }

  /** Forgets everything queued for the feeds, which are about to end. */
  forget(isForgotten: (feed: Feed) => boolean): void {
    for (const lane of LANE_INDEXES) {
      const queue = this.lanes[lane]
      const { events, bytes } = queue
      queue.forget((feedLane) => isForgotten(feedLane.feed))
      this.#totals[lane].queued -= events - queue.events
      this.#totals[lane].queuedBytes -= bytes - queue.bytes
    }
  }

  /** Called when something stays queued after a flush. */
  copyOutSparse(): void {
    for (const lane of LANE_INDEXES) this.lanes[lane].copyOutSparse()
  }

  #tell(lane: FeedLane, upTo: Mark, reason: 'epoch' | 'trimmed'): void {
    lane.epoch = upTo.epoch
    this.lanes[lane.lane].pushGap({ kind: 'gap', lane, after: lane.taken, upTo, count: null, reason })
  }
}
