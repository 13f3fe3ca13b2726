import { type ByLane, LANE_INDEXES, type LaneIndex, type Take } from '../wire/index.ts'
import { FramePlanner } from './frame-plan.ts'
import type { Gap } from './gap.ts'
import type { LaneQueue } from './lane-queue.ts'
import { LaneTurns } from './lane-turns.ts'
import type { NodeTotals, QueueLoad } from './ledger.ts'
import type { QueueBudget } from './queue-budget.ts'
import type { Run } from './run.ts'
import type { SlowPolicy } from './slow-policy.ts'
import { type QueueAccounts, SubscriptionQueue } from './subscription-queue.ts'

/** Bounds of one subscriber's backlog. */
export interface QueueBounds {
  /** Encoded bytes of the events. */
  readonly bytes: number
  readonly events: number
}

export const QUEUE_BOUNDS: QueueBounds = {
  /** About 16 s of a 1 Mbit/s link: older events are better fetched than pushed. */
  bytes: 2 * 1_048_576,
  /** Bounds small events: their bookkeeping costs memory too. */
  events: 16_384,
}

/** A replay waits while more than this share of either bound is queued: the rest is for live events. */
const REPLAY_SHARE = 0.125
/** Share of the bound on events that a subscription of a congested subscriber may queue before it counts as slow. */
const PRESS_SHARE = 0.125

/** Everything that waits for one subscriber: the queues of its subscriptions, under common bounds. */
export class Backlog {
  /** The queues with waiting events. */
  readonly #lanes: ByLane<LaneTurns> = [new LaneTurns(), new LaneTurns(), new LaneTurns()]
  #subscriptions: readonly SubscriptionQueue[] = []
  readonly #planner = new FramePlanner()
  readonly #load: QueueLoad = { bytes: 0, events: 0 }
  readonly #bounds: QueueBounds
  readonly #accounts: QueueAccounts
  readonly #budget: QueueBudget

  /**
   * @param windowBytes bytes the subscriber may have in flight: as much again may wait before a subscription counts as
   *   slow.
   */
  constructor(bounds: QueueBounds, windowBytes: number, totals: NodeTotals, budget: QueueBudget) {
    this.#bounds = bounds
    this.#budget = budget
    this.#accounts = {
      load: this.#load,
      totals,
      budget,
      turns: this.#lanes,
      slowFrom: { bytes: Math.min(windowBytes, bounds.bytes), events: bounds.events * PRESS_SHARE },
    }
  }

  get isEmpty(): boolean {
    return this.#lanes[0].isEmpty && this.#lanes[1].isEmpty && this.#lanes[2].isEmpty
  }

  /** Whether any event may be taken now. */
  get hasTakeable(): boolean {
    return LANE_INDEXES.some((lane) => this.#lanes[lane].takeableBytes > 0)
  }

  get hasHigh(): boolean {
    return !this.#lanes[0].isEmpty
  }

  get bytes(): number {
    return this.#load.bytes
  }

  get events(): number {
    return this.#load.events
  }

  /**
   * A replay always continues if nothing waits for its subscriber: it gets its turn, whatever else the node has queued.
   */
  get hasRoomForReplay(): boolean {
    if (this.events === 0) return true
    if (this.#budget.isHalfSpent) return false
    return this.bytes <= this.#bounds.bytes * REPLAY_SHARE && this.events <= this.#bounds.events * REPLAY_SHARE
  }

  open(policy: SlowPolicy): SubscriptionQueue {
    const queue = new SubscriptionQueue(policy, this.#accounts)
    this.#subscriptions = this.#subscriptions.concat(queue)
    return queue
  }

  /** Drops everything queued for a subscription that ends. */
  close(queue: SubscriptionQueue): void {
    queue.clear()
    this.#subscriptions = this.#subscriptions.filter((open) => open !== queue)
  }

  /** Thins the queues when not everything could be written. */
  press(now: number): void {
    for (const queue of this.#subscriptions) queue.press(now)
  }

  /** Releases events that `maxRate` lets through now. */
  release(now: number): void {
    for (const queue of this.#subscriptions) queue.release(now)
  }

  /** When `maxRate` next releases an event; `undefined` if it holds none back. */
  heldUntil(): number | undefined {
    let first: number | undefined
    for (const queue of this.#subscriptions) {
      const until = queue.heldUntil()
      if (until !== undefined && (first === undefined || until < first)) first = until
    }
    return first
  }

  /**
   * Withholds events until the bounds hold: low before normal, from the subscription with the most waiting in the lane,
   * first as its policy allows, then the oldest. False: only the high lane is left, which is never dropped, or the
   * policy asks to disconnect.
   */
  enforceBounds(now: number): boolean {
    return this.shrinkTo(this.#bounds, now)
  }

  /** As above, for other bounds. */
  shrinkTo(bounds: QueueBounds, now: number): boolean {
    while (this.bytes > bounds.bytes || this.events > bounds.events) {
      const victim = this.#victim(2) ?? this.#victim(1)
      if (victim === undefined || victim.queue.policy.onSlow === 'disconnect') return false
      if (!victim.queue.relieve(now)) victim.queue.lane(victim.index).dropOldest()
    }
    return true
  }

  /** The next due gap, highest lane first, with the queue that must be told when it is sent. */
  dueGap(): { readonly gap: Gap; readonly queue: LaneQueue } | undefined {
    return this.#lanes[0].dueGap() ?? this.#lanes[1].dueGap() ?? this.#lanes[2].dueGap()
  }

  /** The content of the next frame. Due gaps MUST have been sent before. See `FramePlanner.plan`. */
  plan(budgetBytes: number, oversized: boolean): Take<Run>[] {
    return this.#planner.plan(this.#lanes, budgetBytes, oversized)
  }

  /** As above for the high lane alone; nothing while one of its gaps is due. */
  planHigh(budgetBytes: number): Take<Run>[] {
    const [high] = this.#lanes
    return high.dueGap() !== undefined ? [] : this.#planner.planHigh(high, budgetBytes)
  }

  /** The takes of a frame were handed to the socket. */
  delivered(takes: readonly Take<Run>[]): void {
    for (const { run, to, bytes } of takes) run.queue.delivered(run, to, bytes)
    for (const index of LANE_INDEXES) this.#lanes[index].rotate()
  }

  /** Called when something stays queued after a flush. */
  copyOutSparse(): void {
    for (const index of LANE_INDEXES) for (const queue of this.#lanes[index].queues) queue.copyOutSparse()
  }

  #victim(index: LaneIndex): { readonly queue: SubscriptionQueue; readonly index: LaneIndex } | undefined {
    let victim: SubscriptionQueue | undefined
    let most = 0
    for (const queue of this.#subscriptions) {
      const bytes = queue.bytesIn(index)
      if (bytes > most) {
        victim = queue
        most = bytes
      }
    }
    return victim && { queue: victim, index }
  }
}
