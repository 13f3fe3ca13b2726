import { compareStreamIds } from '@tidegate/protocol'
import { NO_PICKS, type Picks } from './encoded-events.ts'
import { type Entry, LANE_INDEXES, type LaneIndex } from './entry.ts'
import type { Ledger } from './ledger.ts'
import { isWholeEntry, lastIdBefore, type Mark, wholeEntry } from './mark.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

/**
 * How far a replay goes back when the log's epoch is not the subscriber's: entries of the new epoch have smaller ids
 * than the subscriber's position if the clock of the Redis that took over is behind, and this much is not unusual.
 */
const REWIND_MS = 60_000

/** Entries of the first page of a replay; later ones follow from how large these were. */
const FIRST_PAGE_ENTRIES = 8

/** Where delivery starts in one (topic, partition). */
export interface FeedStart {
  /** Epoch of the log at the time. */
  readonly epoch: string
  /** Exclusive, by lane. */
  readonly marks: Readonly<Record<LaneIndex, Mark>>
}

export type FeedState =
  /** Reading the log page by page: everything before `after`, an entry of `epoch`, has been offered, and that itself unless `inclusive`. */
  | { readonly kind: 'replaying'; after: string; epoch: string; inclusive: boolean; pageEntries: number }
  /** Offered every entry in the turn in which the tail reads it. */
  | { readonly kind: 'live' }

/** One lane of a feed, the unit of order: its events are queued, delivered and told of in log order. */
export interface FeedLane {
  readonly feed: Feed
  readonly lane: LaneIndex
  /** The subscriber has, or was offered by a replay, everything up to here. */
  start: Mark
  /** Opening bytes of a frame part; the same object for all partitions of the topic. */
  readonly partHead: Buffer
  /** Everything up to here has left the queue: it was handed to the socket or counted in a gap. */
  taken: Mark
  /** Epoch of the newest thing offered. */
  epoch: string
  /** Runs and gaps that have not been handed to the socket. */
  waiting: number
}

/** What a feed knows of the subscription it belongs to. */
export interface FeedOwner {
  readonly plan: SubscriptionPlan
  readonly ledger: Ledger
}

/** The stream of events from one (topic, partition) to one subscription. */
export class Feed {
  readonly subscription: FeedOwner
  readonly topic: string
  readonly partition: number
  /** By lane; `undefined` for a lane the subscription leaves out. */
  readonly lanes: Readonly<Record<LaneIndex, FeedLane | undefined>>
  state: FeedState
  readonly #startEpoch: string
  #lastStart: string
  #skipping = true

  constructor(
    subscription: FeedOwner,
    topic: string,
    partition: number,
    start: FeedStart,
    partHeads: readonly Buffer[],
  ) {
    this.subscription = subscription
    this.topic = topic
    this.partition = partition
    this.#startEpoch = start.epoch
    const open = (lane: LaneIndex): FeedLane | undefined => {
      if (!subscription.plan.lanes[lane]) return undefined
      const mark = start.marks[lane]
      const partHead = partHeads[lane]!
      return { feed: this, lane, start: mark, partHead, taken: mark, epoch: mark.epoch, waiting: 0 }
    }
    this.lanes = { 0: open(0), 1: open(1), 2: open(2) }
    const starts = this.openLanes().map((lane) => lane.start)
    this.#lastStart = starts.map((mark) => mark.streamId).reduce(laterId)
    this.state = replayFrom(starts, start.epoch)
  }

  openLanes(): FeedLane[] {
    return LANE_INDEXES.flatMap((lane) => this.lanes[lane] ?? [])
  }

  /**
   * From now on the feed is offered what the tail reads after `cursor`. A replay may have read further than that: those
   * entries will come again and count as had.
   */
  goLive(cursor: string): void {
    if (this.state.kind === 'live') return
    const { after, epoch, inclusive } = this.state
    this.state = { kind: 'live' }
    if (inclusive || compareStreamIds(after, cursor) <= 0) return
    for (const lane of this.openLanes()) {
      if (compareStreamIds(lane.start.streamId, after) <= 0) lane.start = wholeEntry(epoch, after)
    }
    this.#lastStart = laterId(this.#lastStart, after)
    this.#skipping = true
  }

  /** Whether a lane starts beyond what the tail has read: a replay, or the gateway the subscriber came from, is ahead of it. */
  startsBeyond(cursor: string): boolean {
    return compareStreamIds(this.#lastStart, cursor) > 0
  }

  /**
   * Leaves out what the subscriber already had: lanes overtake each other, so each has its own start, and the tail may be
   * behind the gateway the subscriber came from. Entries MUST be passed in log order.
   */
  beyondStart(lane: FeedLane, entry: Entry, picks: Picks): Picks {
    if (!this.#skipping) return picks
    if (compareStreamIds(entry.streamId, this.#lastStart) > 0) {
      this.#skipping = false
      return picks
    }
    const order = compareStreamIds(entry.streamId, lane.start.streamId)
    if (order > 0) return picks
    if (entry.epoch !== lane.start.epoch) {
      // Only in the stretch a replay rewound. What is neither of the old nor of the present epoch is older than both,
      // or lies between them and is covered by the gap.
      return this.state.kind === 'live' || entry.epoch === this.#startEpoch ? picks : NO_PICKS
    }
    return order < 0 ? NO_PICKS : picks.filter((index) => index > lane.start.index)
  }
}

function replayFrom(starts: readonly Mark[], epoch: string): FeedState {
  let after: string | undefined
  let inclusive = false
  for (const mark of starts) {
    const sameEpoch = mark.epoch === epoch
    const id = sameEpoch ? mark.streamId : lastIdBefore(Number(mark.streamId.split('-')[0]) - REWIND_MS)
    const order = after === undefined ? -1 : compareStreamIds(id, after)
    if (order < 0) {
      after = id
      inclusive = false
    }
    if (order <= 0) inclusive ||= sameEpoch && !isWholeEntry(mark)
  }
  return { kind: 'replaying', after: after!, epoch, inclusive, pageEntries: FIRST_PAGE_ENTRIES }
}

function laterId(a: string, b: string): string {
  return compareStreamIds(a, b) >= 0 ? a : b
}
