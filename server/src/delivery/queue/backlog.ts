import { border, type Mark, precedingId } from '../../bus/index.ts'
import type { Take } from '../wire/batch-frame.ts'
import type { Picks } from '../wire/encoded-events.ts'
import { type ByLane, type Entry, LANE_INDEXES, type LaneIndex } from '../wire/entry.ts'
import type { Feed } from '../subscription/feed.ts'
import { noneWithheld } from './feed-lane.ts'
import type { Gap } from './gap.ts'
import type { NodeTotals, QueueLoad } from './ledger.ts'
import type { QueueBudget } from './queue-budget.ts'
import { SessionLane } from './lane-turns.ts'
import type { SlowPolicy } from './slow-policy.ts'
import { type PressLimits, SubscriptionQueue } from './subscription-queue.ts'

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
/** Of the bound on events, what a subscription of a congested session may have waiting before it counts as slow. */
const PRESS_SHARE = 0.125

/** Everything one session has waiting: the queues of its subscriptions under common bounds. */
export class SessionQueue {
  readonly lanes: ByLane<SessionLane> = [new SessionLane(), new SessionLane(), new SessionLane()]
  #subscriptions: readonly SubscriptionQueue[] = []
  readonly #load: QueueLoad = { bytes: 0, events: 0 }
  readonly #bounds: QueueBounds
  readonly #pressLimits: PressLimits
  readonly #totals: NodeTotals
  readonly #budget: QueueBudget

  /** @param windowBytes what the session may have in flight: as much again may wait before a subscription counts as slow. */
  constructor(bounds: QueueBounds, windowBytes: number, totals: NodeTotals, budget: QueueBudget) {
    this.#bounds = bounds
    this.#pressLimits = { bytes: Math.min(windowBytes, bounds.bytes), events: bounds.events * PRESS_SHARE }
    this.#totals = totals
    this.#budget = budget
  }

  get isEmpty(): boolean {
    return this.lanes[0].isEmpty && this.lanes[1].isEmpty && this.lanes[2].isEmpty
  }

  /** Whether some event may be taken now. */
  get hasTakeable(): boolean {
    return LANE_INDEXES.some((lane) => this.lanes[lane].takeableBytes > 0)
  }

  get bytes(): number {
    return this.#load.bytes
  }

  get events(): number {
    return this.#load.events
  }

  /** A replay of a session that has nothing waiting always goes on: whatever else is queued, it gets its turn. */
  get hasRoomForReplay(): boolean {
    if (this.events === 0) return true
    if (this.#budget.isHalfSpent) return false
    return this.bytes <= this.#bounds.bytes * REPLAY_SHARE && this.events <= this.#bounds.events * REPLAY_SHARE
  }

  open(policy: SlowPolicy): SubscriptionQueue {
    const queue = new SubscriptionQueue(policy, { load: this.#load, totals: this.#totals, budget: this.#budget })
    this.#subscriptions = this.#subscriptions.concat(queue)
    return queue
  }

  /** Forgets everything queued for a subscription that ends. */
  close(queue: SubscriptionQueue): void {
    queue.clear()
    this.#subscriptions = this.#subscriptions.filter((open) => open !== queue)
    this.#settle()
  }

  /** Queues the picked events of an entry that the feed lane has not had yet. */
  offer(feed: Feed, index: LaneIndex, entry: Entry, matched: Picks): void {
    const picks = feed.beyondStart(index, entry, matched)
    const lane = picks.length === 0 ? undefined : feed.lane(index)
    if (lane === undefined) return
    if (lane.epoch !== entry.epoch) this.tellEpoch(feed, index, border(entry.epoch, precedingId(entry.streamId)))
    this.lanes[index].activate(feed.subscription.queue.pushEntry(lane, index, entry, picks))
  }

  /** The log went on under another epoch: what the subscriber had last may be gone, and events before `upTo` unseen. */
  tellEpoch(feed: Feed, index: LaneIndex, upTo: Mark): void {
    this.#tell(feed, index, upTo, 'epoch')
  }

  /** The log was trimmed up to `upTo` before it could be read. */
  tellTrimmed(feed: Feed, index: LaneIndex, upTo: Mark): void {
    this.#tell(feed, index, upTo, 'trimmed')
  }

  /** Thins what has piled up for a subscription that events were queued for. */
  press(queue: SubscriptionQueue, isCongested: boolean, now: number): void {
    if (isCongested ? queue.press(this.#pressLimits, now) : queue.thinIfGrown()) this.#settle()
  }

  /** The same for all, when the session could not write everything. */
  pressAll(now: number): void {
    for (const queue of this.#subscriptions) queue.press(this.#pressLimits, now)
    this.#settle()
  }

  /** Lets go what may be sent now. */
  release(now: number): void {
    for (const queue of this.#subscriptions) if (queue.release(this.#pressLimits, now)) this.#settle()
  }

  /** When something may go that only `maxRate` holds back; `undefined`: there is no such thing. */
  heldUntil(): number | undefined {
    let first: number | undefined
    for (const queue of this.#subscriptions) {
      const until = queue.heldUntil()
      if (until !== undefined && (first === undefined || until < first)) first = until
    }
    return first
  }

  /**
   * Withholds events until the bounds hold, low before normal and of the subscription that has most waiting there: what
   * its policy gives, then its oldest. False: only the high lane is left, which is never dropped, or it shall be disconnected.
   */
  enforceBounds(now: number): boolean {
    return this.shrinkTo(this.#bounds, now)
  }

  /** The same for other bounds. */
  shrinkTo(bounds: QueueBounds, now: number): boolean {
    while (this.bytes > bounds.bytes || this.events > bounds.events) {
      const victim = this.#victim(2) ?? this.#victim(1)
      if (victim === undefined || victim.queue.policy.onSlow === 'disconnect') return false
      if (!victim.queue.relieve(now)) victim.queue.lane(victim.index)!.dropOldest()
    }
    this.#settle()
    return true
  }

  /** The next gap to be told, highest lane first, and what to call when it was. */
  dueGap(): { readonly gap: Gap; readonly told: () => void } | undefined {
    for (const index of LANE_INDEXES) {
      const due = this.lanes[index].dueGap()
      if (due === undefined) continue
      const told = () => {
        due.queue.dueGapTold()
        this.lanes[index].settle()
      }
      return { gap: due.gap, told }
    }
    return undefined
  }

  /** The takes of a frame were handed to the socket. */
  delivered(takes: readonly Take[]): void {
    for (const { run, to, bytes } of takes) run.queue.delivered(run, to, bytes)
    for (const index of LANE_INDEXES) {
      this.lanes[index].settle()
      this.lanes[index].rotate()
    }
  }

  /** Called when something stays queued after a flush. */
  copyOutSparse(): void {
    for (const index of LANE_INDEXES) for (const queue of this.lanes[index].queues) queue.copyOutSparse()
  }

  #victim(index: LaneIndex): { readonly queue: SubscriptionQueue; readonly index: LaneIndex } | undefined {
    let victim: SubscriptionQueue | undefined
    let most = 0
    for (const queue of this.#subscriptions) {
      const bytes = queue.lane(index)?.bytes ?? 0
      if (bytes > most) {
        victim = queue
        most = bytes
      }
    }
    return victim && { queue: victim, index }
  }

  #tell(feed: Feed, index: LaneIndex, upTo: Mark, reason: 'epoch' | 'trimmed'): void {
    const lane = feed.lane(index)
    if (lane === undefined) return
    lane.epoch = upTo.epoch
    const gap: Gap = { kind: 'gap', lane, after: lane.taken, upTo, count: null, reason, withheld: noneWithheld() }
    this.lanes[index].activate(feed.subscription.queue.pushGap(gap, index))
  }

  #settle(): void {
    for (const index of LANE_INDEXES) this.lanes[index].settle()
  }
}
