import { compareStreamIds } from '@tidegate/protocol'
import { border, type Mark, precedingId } from '../../bus/index.ts'
import type { LogStart } from '../log/index.ts'
import type { FeedLane, Gap, SubscriptionQueue } from '../queue/index.ts'
import {
  type ByLane,
  type Entry,
  isNone,
  LANE_INDEXES,
  type LaneIndex,
  NO_PICKS,
  noneWithheld,
  type Part,
  type Picks,
  type WithheldByPart,
} from '../wire/index.ts'
import {
  type FeedState,
  isAheadOf,
  LIVE,
  liveAfter,
  reachedIn,
  replayBehind,
  replayFromStarts,
  wasReplayed,
  wasReplayedBeyond,
} from './feed-state.ts'
import type { SnapshotSeam } from './snapshot-seam.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

const NO_LANES: (FeedLane | undefined)[] = []

/** The view a feed has of its subscription. */
export interface FeedOwner {
  readonly plan: SubscriptionPlan
  readonly queue: SubscriptionQueue
  part(topic: string, lane: LaneIndex): Part
}

/**
 * The stream of events from one (topic, partition) to one subscription. Lanes are created on first use: most
 * subscriptions never see an event in most of them.
 */
export class Feed {
  readonly subscription: FeedOwner
  readonly topic: string
  readonly partition: number
  state: FeedState
  /** Epoch of the log when the feed began, or since it went back. */
  #epoch: string
  /** By lane: the subscriber has everything up to here. */
  #starts: ByLane<Mark>
  #lanes: (FeedLane | undefined)[] = NO_LANES
  /** Up to where lanes not yet created are resolved, if beyond their start. */
  #quietMark: Mark | undefined
  #lastStart: string
  #skipping = true
  /** The snapshot sent before the feed began. */
  #seam: SnapshotSeam | undefined

  constructor(subscription: FeedOwner, topic: string, partition: number, start: LogStart) {
    this.subscription = subscription
    this.topic = topic
    this.partition = partition
    this.#epoch = start.epoch
    this.#starts = start.marks
    const starts = this.laneIndexes().map((lane) => start.marks[lane])
    this.#lastStart = starts.map((mark) => mark.streamId).reduce(laterId)
    this.state = replayFromStarts(starts, start.epoch)
  }

  /** The lanes of the subscription. */
  laneIndexes(): readonly LaneIndex[] {
    const { lanes } = this.subscription.plan
    return LANE_INDEXES.filter((lane) => lanes[lane])
  }

  /** `undefined` for a lane the subscription excludes. */
  lane(index: LaneIndex): FeedLane | undefined {
    if (!this.subscription.plan.lanes[index]) return undefined
    return this.#lanes[index] ?? this.#open(index, this.resolvedTo(index))
  }

  startOf(index: LaneIndex): Mark {
    return this.#starts[index]
  }

  /** Up to where a lane's events have left the queue. */
  resolvedTo(index: LaneIndex): Mark {
    return this.#lanes[index]?.taken ?? this.#quietMark ?? this.#starts[index]
  }

  /** Whether anything of the lane waits. */
  isWaiting(index: LaneIndex): boolean {
    return (this.#lanes[index]?.waiting ?? 0) > 0
  }

  /** Adds the trailing withheld counts of lanes with nothing waiting: no frame of theirs would report them. */
  takeTrailing(lanes: readonly LaneIndex[], counts: WithheldByPart): void {
    for (const index of lanes) {
      const lane = this.#lanes[index]
      if (lane !== undefined && lane.waiting === 0) counts.take(lane)
    }
  }

  /** Epoch of the newest thing the lane was offered. */
  epochOf(index: LaneIndex): string {
    return this.#lanes[index]?.epoch ?? this.resolvedTo(index).epoch
  }

  /** Nothing of the lanes waits, and nothing up to the mark will come. */
  resolve(lanes: readonly LaneIndex[], mark: Mark): void {
    for (const index of lanes) {
      const lane = this.#lanes[index]
      if (lane === undefined) this.#quietMark = mark
      else lane.taken = mark
    }
  }

  /** The subscription includes a lane that it excluded before, from the mark on, or from where the lane is if it is ahead. */
  join(index: LaneIndex, mark: Mark): void {
    const left = this.#starts[index]
    const start = compareStreamIds(left.streamId, mark.streamId) > 0 ? left : mark
    this.#starts = withLane(this.#starts, index, start)
    this.#lastStart = laterId(this.#lastStart, start.streamId)
    this.#skipping = true
    this.#open(index, start)
  }

  /** The subscription excludes a lane from now on. */
  leave(index: LaneIndex): void {
    this.#starts = withLane(this.#starts, index, this.resolvedTo(index))
    if (this.#lanes !== NO_LANES) this.#lanes[index] = undefined
  }

  /**
   * Goes live: the feed is offered what the tail reads after `cursor`. A replay may have read further: those entries
   * come again and are skipped.
   */
  goLive(cursor: string): void {
    const { state } = this
    if (state.kind === 'live') return
    this.state = liveAfter(state, cursor)
    if (!isAheadOf(state, cursor)) return
    this.#lastStart = laterId(this.#lastStart, state.after)
    this.#skipping = true
  }

  /** The log has lost the entries read last, and continues behind the mark. */
  goBack({ epoch, streamId }: Mark): void {
    const { state } = this
    if (state.kind === 'live') {
      // The tail reads nothing of earlier epochs any more. What a replay has offered of this one comes again.
      if (state.replayed?.epochs.includes(epoch) !== true) this.state = LIVE
    } else {
      // It began, or reads, behind the loss already.
      if (state.epoch === epoch || this.#starts.some((start) => start.epoch === epoch)) return
      if (compareStreamIds(state.after, streamId) > 0) this.state = { ...state, after: streamId, inclusive: false }
    }
    this.#epoch = epoch
  }

  /** The log ends at the mark, within its epoch. Returns whether the feed is live, or has read beyond. */
  cutTo(mark: Mark): boolean {
    const { state } = this
    const isBeyond = (streamId: string) => compareStreamIds(streamId, mark.streamId) > 0
    if (state.kind === 'live') this.state = LIVE
    else if (state.epoch !== mark.epoch || !isBeyond(state.after)) return false
    else this.state = { ...state, after: mark.streamId, inclusive: false }
    const cut = (start: Mark) => (start.epoch === mark.epoch && isBeyond(start.streamId) ? mark : start)
    const [high, normal, low] = this.#starts
    this.#starts = [cut(high), cut(normal), cut(low)]
    return true
  }

  /** Everything up to this entry was offered; from there on it reads the log. */
  returnToLog(entry: Entry, waitsUntil: number): void {
    this.state = replayBehind(entry, waitsUntil)
  }

  /** Up to where it was offered everything. @param tail what the tail has read */
  reached(tail: Mark): Mark {
    return reachedIn(this.state, tail)
  }

  /**
   * Whether a lane starts beyond what the tail has read: a replay, or the subscriber's previous gateway, is ahead of it.
   */
  startsBeyond({ streamId, epoch }: Pick<Mark, 'streamId' | 'epoch'>): boolean {
    if (compareStreamIds(this.#lastStart, streamId) <= 0) return false
    if (this.wasReplayedBeyond(streamId)) return true
    return this.laneIndexes().some((lane) => {
      const start = this.#starts[lane]
      // Ids of another epoch are of an earlier one: lost ones may be larger than those with which the log continued.
      const isComparable = start.epoch === epoch || start.epoch === this.#epoch
      return isComparable && compareStreamIds(start.streamId, streamId) > 0
    })
  }

  /** Whether a replay was ahead of the tail, and the tail is not beyond its end yet. */
  wasReplayedBeyond(streamId: string): boolean {
    return wasReplayedBeyond(this.state, streamId)
  }

  /**
   * Whether it gets whatever the log has after `cursor` in that epoch just as it is: nothing of it waits, and nothing is
   * to be skipped or reported first.
   */
  isPlainAfter(cursor: string, epoch: string): boolean {
    if (this.state.kind !== 'live' || this.#seam?.endsBy(cursor) === false) return false
    if (this.startsBeyond({ streamId: cursor, epoch })) return false
    return this.laneIndexes().every((index) => {
      const lane = this.#lanes[index]
      const isQuiet = lane === undefined || (lane.waiting === 0 && isNone(lane.trailing))
      return isQuiet && this.epochOf(index) === epoch
    })
  }

  /** Events of the lane were handed to the socket that never waited here. */
  passed(index: LaneIndex, upTo: Mark): void {
    this.lane(index)!.taken = upTo
  }

  /** Queues the picked events that their lane has not had yet. Entries MUST be offered in log order. */
  offer(index: LaneIndex, entry: Entry, matched: Picks): void {
    const picks = this.#beyondStart(index, entry, matched)
    const lane = picks.length === 0 ? undefined : this.lane(index)
    if (lane === undefined) return
    if (lane.epoch !== entry.epoch) this.reportEpoch(index, border(entry.epoch, precedingId(entry.streamId)))
    pushSeen(this.subscription, index, lane, entry, picks)
  }

  /**
   * The log continued under another epoch: the subscriber's last events may be gone, and events before `upTo` unseen.
   */
  reportEpoch(index: LaneIndex, upTo: Mark): void {
    this.#reportGap(index, upTo, 'epoch')
  }

  /** The log was trimmed up to `upTo` before it could be read. */
  reportTrimmed(index: LaneIndex, upTo: Mark): void {
    this.#reportGap(index, upTo, 'trimmed')
  }

  #reportGap(index: LaneIndex, upTo: Mark, reason: 'epoch' | 'trimmed'): void {
    const lane = this.lane(index)
    if (lane === undefined) return
    lane.epoch = upTo.epoch
    const gap: Gap = { kind: 'gap', lane, after: lane.taken, upTo, count: null, reason, withheld: noneWithheld() }
    this.subscription.queue.lane(index).pushGap(gap)
  }

  /**
   * Skips events the subscriber already had. Lanes overtake each other, so each has its own start, and the tail may be
   * behind the subscriber's previous gateway.
   */
  #beyondStart(lane: LaneIndex, entry: Entry, matched: Picks): Picks {
    const picks = this.#beyondSeam(entry, matched)
    if (!this.#skipping) return picks
    if (compareStreamIds(entry.streamId, this.#lastStart) > 0) {
      this.#skipping = false
      return picks
    }
    if (wasReplayed(this.state, entry)) return NO_PICKS
    const start = this.#starts[lane]
    const order = compareStreamIds(entry.streamId, start.streamId)
    if (order > 0) return picks
    if (entry.epoch !== start.epoch) return this.#mayBeEarlier(entry, start) ? NO_PICKS : picks
    return order < 0 ? NO_PICKS : picks.filter((index) => index > start.index)
  }

  /**
   * Whether an entry of another epoch than the start's may be of an earlier one: only in the range that a replay rewound,
   * and before it has met the start's epoch or the one that the log had then. If it is of a later epoch, the gap covers it.
   */
  #mayBeEarlier({ epoch }: Entry, start: Mark): boolean {
    const { state } = this
    if (state.kind === 'live' || !state.isRewound || epoch === this.#epoch) return false
    return !state.epochs.includes(this.#epoch) && !state.epochs.includes(start.epoch)
  }

  /** A snapshot was sent up to the seam. */
  beginBehind(seam: SnapshotSeam): void {
    this.#seam = seam
  }

  #beyondSeam(entry: Entry, picks: Picks): Picks {
    if (this.#seam === undefined) return picks
    if (!this.#seam.isPassedBy(entry)) return this.#seam.beyond(entry, picks)
    this.#seam = undefined
    return picks
  }

  #open(index: LaneIndex, mark: Mark): FeedLane {
    const part = this.subscription.part(this.topic, index)
    const trailing = noneWithheld()
    const lane: FeedLane = { partition: this.partition, part, taken: mark, epoch: mark.epoch, waiting: 0, trailing }
    if (this.#lanes === NO_LANES) this.#lanes = [undefined, undefined, undefined]
    this.#lanes[index] = lane
    return lane
  }
}

/** Queues events as far as their receiver may see them. */
export function pushSeen(
  { plan, queue }: Pick<FeedOwner, 'plan' | 'queue'>,
  index: LaneIndex,
  lane: FeedLane,
  entry: Entry,
  picks: Picks,
): void {
  const sight = plan.sights?.get(entry.topic)
  if (sight === undefined) return queue.lane(index).pushEntry(lane, entry, picks)
  for (const run of sight.split(entry.header.keys, picks)) {
    queue.lane(index).pushEntry(lane, entry, run.picks, entry.shown(run.hidden))
  }
}

function withLane([high, normal, low]: ByLane<Mark>, lane: LaneIndex, mark: Mark): ByLane<Mark> {
  return [lane === 0 ? mark : high, lane === 1 ? mark : normal, lane === 2 ? mark : low]
}

function laterId(a: string, b: string): string {
  return compareStreamIds(a, b) >= 0 ? a : b
}
