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
/** Paused subscriptions hold no more than this share of the bounds: they must not take the room of those that are read. */
const PAUSED_SHARE = 0.5
/** The lanes in the order in which events are withheld. */
const WITHHELD_LANES = [2, 1, 0] as const
/** Share of the bound on events that a subscription of a congested subscriber may queue before it counts as slow. */
const PRESS_SHARE = 0.125

/** Everything that waits for one subscriber: the queues of its subscriptions, under common bounds. */
export class Backlog {
  /** The queues whose events may be sent. */
  readonly #lanes: ByLane<LaneTurns> = [new LaneTurns(), new LaneTurns(), new LaneTurns()]
  #subscriptions: readonly SubscriptionQueue[] = []
  #paused: readonly SubscriptionQueue[] = []
  readonly #planner = new FramePlanner()
  readonly #load: QueueLoad = { bytes: 0, events: 0 }
  readonly #bounds: QueueBounds
  readonly #pausedBounds: QueueBounds
  readonly #accounts: QueueAccounts
  readonly #budget: QueueBudget

  /**
   * @param windowBytes bytes the subscriber may have in flight: as much again may wait before a subscription counts as
   *   slow.
   */
  constructor(bounds: QueueBounds, windowBytes: number, totals: NodeTotals, budget: QueueBudget) {
    this.#bounds = bounds
    this.#pausedBounds = { bytes: bounds.bytes * PAUSED_SHARE, events: bounds.events * PAUSED_SHARE }
    this.#budget = budget
    this.#accounts = {
      load: this.#load,
      totals,
      budget,
      turns: this.#lanes,
      slowFrom: { bytes: Math.min(windowBytes, bounds.bytes), events: bounds.events * PRESS_SHARE },
    }
  }

  /** Whether nothing may be sent. What waits for paused subscriptions may not. */
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

  get hasPaused(): boolean {
    return this.#paused.length > 0
  }

  get bytes(): number {
    return this.#load.bytes
  }

  get events(): number {
    return this.#load.events
  }

  /**
   * A replay always continues if nothing else waits for its subscriber: it gets its turn, whatever else the node has
   * queued. What waits for paused subscriptions does not count.
   */
  get hasRoomForReplay(): boolean {
    // Asked for every entry.
    const paused = this.#paused.length === 0 ? NOTHING : loadOf(this.#paused)
    const bytes = this.bytes - paused.bytes
    const events = this.events - paused.events
    if (events === 0) return true
    if (this.#budget.isHalfSpent) return false
    return bytes <= this.#bounds.bytes * REPLAY_SHARE && events <= this.#bounds.events * REPLAY_SHARE
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
    this.#paused = this.#paused.filter((paused) => paused !== queue)
  }

  /** Its client reads nothing of the subscription for now, or reads it again. */
  pause(queue: SubscriptionQueue, isPaused: boolean): void {
    queue.pause(isPaused)
    this.#paused = this.#subscriptions.filter((open) => open.isPaused)
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
   * first as its policy allows, then the oldest. False: only the high lane is left, which is dropped for paused
   * subscriptions alone, or the policy asks to disconnect.
   */
  enforceBounds(now: number): boolean {
    while (this.#paused.length > 0 && exceeds(loadOf(this.#paused), this.#pausedBounds)) {
      if (!this.#withhold(this.#paused, now)) return false
    }
    return this.shrinkTo(this.#bounds, now)
  }

  /** As above, for other bounds. */
  shrinkTo(bounds: QueueBounds, now: number): boolean {
    while (exceeds(this.#load, bounds)) if (!this.#withhold(this.#subscriptions, now)) return false
    return true
  }

  #withhold(queues: readonly SubscriptionQueue[], now: number): boolean {
    const victim = victimOf(queues)
    if (victim === undefined || victim.queue.policy.onSlow === 'disconnect') return false
    if (!victim.queue.relieve(now)) victim.queue.lane(victim.index).dropOldest()
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
    for (const queue of this.#subscriptions) queue.copyOutSparse()
  }
}

const NOTHING: Readonly<QueueLoad> = { bytes: 0, events: 0 }

function loadOf(queues: readonly SubscriptionQueue[]): QueueLoad {
  const load = { bytes: 0, events: 0 }
  for (const { load: each } of queues) {
    load.bytes += each.bytes
    load.events += each.events
  }
  return load
}

function exceeds(load: QueueLoad, bounds: QueueBounds): boolean {
  return load.bytes > bounds.bytes || load.events > bounds.events
}

/** The queue from which the next events are withheld, and their lane: of high only those of a paused one. */
function victimOf(
  queues: readonly SubscriptionQueue[],
): { readonly queue: SubscriptionQueue; readonly index: LaneIndex } | undefined {
  for (const index of WITHHELD_LANES) {
    let victim: SubscriptionQueue | undefined
    let most = 0
    for (const queue of queues) {
      const bytes = index > 0 || queue.isPaused ? queue.bytesIn(index) : 0
      if (bytes > most) {
        victim = queue
        most = bytes
      }
    }
    if (victim !== undefined) return { queue: victim, index }
  }
  return undefined
}
