import type { OnSlow } from '@tidegate/protocol'
import type { Picks } from '../wire/encoded-events.ts'
import type { Entry, LaneIndex } from '../wire/entry.ts'
import type { FeedLane } from './feed-lane.ts'
import type { Gap } from './gap.ts'
import { LaneQueue } from './lane-queue.ts'
import { LaneBooks, type Ledger, type NodeTotals, openLedger, type QueueLoad } from './ledger.ts'
import type { QueueBudget } from './queue-budget.ts'
import { isSampled } from './sampling.ts'
import type { SlowPolicy } from './slow-policy.ts'
import { KEEPING_UP, type Pressure, pressureOf, type Slowness, stepSlowness } from './slowness.ts'

/** Where the queues of one session are counted. */
export interface QueueAccounts {
  readonly load: QueueLoad
  readonly totals: NodeTotals
  readonly budget: QueueBudget
}

/** From which on a subscription counts as slow, if so much of it waits while its session is congested. */
export interface PressLimits {
  readonly bytes: number
  readonly events: number
}

/** Highest level of each policy: `sample` halves what is sent with every one. */
const MAX_LEVEL: Readonly<Record<OnSlow, number>> = { conflate: 1, sample: 6, 'drop-oldest': 0, disconnect: 0 }
/** Lanes a policy may withhold events of, the first to suffer first. High is delivered or the session ends. */
const THINNED_LANES = [2, 1] as const
/** A pass over what waits is made again when it has doubled, or grown by the larger of these: its cost follows from what was queued. */
const PASS_EVENTS = { min: 64, max: 1_024 }

/** Everything one subscription has waiting, and what its policy makes of it while its client is slow. */
export class SubscriptionQueue {
  readonly ledger: Ledger = openLedger()
  readonly #accounts: QueueAccounts
  readonly #lanes: [LaneQueue | undefined, LaneQueue | undefined, LaneQueue | undefined] = [
    undefined,
    undefined,
    undefined,
  ]
  #policy: SlowPolicy
  #slowness: Slowness = KEEPING_UP
  /** When `maxRate` lets the next events go. */
  #releaseAt = 0
  /** How many waiting events are worth the next pass. */
  #passAt = PASS_EVENTS.min

  constructor(policy: SlowPolicy, accounts: QueueAccounts) {
    this.#policy = policy
    this.#accounts = accounts
  }

  get policy(): SlowPolicy {
    return this.#policy
  }

  get level(): number {
    return this.#slowness.level
  }

  /** Changes what is done with what waits and what will. */
  change(policy: SlowPolicy): void {
    this.#policy = policy
    this.#slowness = { level: Math.min(this.level, MAX_LEVEL[policy.onSlow]), calmSince: undefined }
    this.#releaseAt = 0
    this.#gate()
  }

  /** The queue of a lane that has or had something waiting. */
  lane(lane: LaneIndex): LaneQueue | undefined {
    return this.#lanes[lane]
  }

  pushEntry(lane: FeedLane, index: LaneIndex, entry: Entry, picks: Picks): LaneQueue {
    const queue = this.#openLane(index)
    queue.pushEntry(lane, entry, picks)
    return queue
  }

  pushGap(gap: Gap, index: LaneIndex): LaneQueue {
    const queue = this.#openLane(index)
    queue.pushGap(gap)
    return queue
  }

  /** While the session is congested: enters the next level if too much waits, and thins what has piled up. Returns whether it did. */
  press(limits: PressLimits, now: number): boolean {
    const { level } = this
    if (this.#pressure(limits) === 'high') this.#step('high', now)
    return this.level > level ? this.#thin() > 0 : this.thinIfGrown()
  }

  /** Thins what waits if that has become twice as much since the last time. To be called when events were queued. */
  thinIfGrown(): boolean {
    return this.#hasGrown && this.#thin() > 0
  }

  /** Lets go what may be sent now. To be called before frames are planned. Returns whether something was. */
  release(limits: PressLimits, now: number): boolean {
    const pressure = this.level > 0 ? this.#pressure(limits) : 'high'
    if (pressure !== 'high') this.#step(pressure, now)
    if (!this.#isGated || now < this.#releaseAt) return false
    let released = false
    for (const index of THINNED_LANES) {
      const queue = this.#lanes[index]
      if (queue === undefined || queue.events === 0 || queue.hasSealed) continue
      this.#thinLane(queue)
      queue.seal()
      released = true
    }
    if (released && this.#policy.maxRate !== undefined) this.#releaseAt = now + 1_000 / this.#policy.maxRate
    return released
  }

  /** When something that waits may go, if nothing may now. */
  heldUntil(): number | undefined {
    if (this.#policy.maxRate === undefined) return undefined
    const holds = THINNED_LANES.some((index) => {
      const queue = this.#lanes[index]
      return queue !== undefined && queue.events > 0 && !queue.hasSealed
    })
    return holds ? this.#releaseAt : undefined
  }

  /** Makes room at any price short of a gap. False: its policy has nothing left to withhold. */
  relieve(now: number): boolean {
    const { level } = this
    this.#step('high', now)
    return (this.level > level || this.#hasGrown) && this.#thin() > 0
  }

  clear(): void {
    for (const queue of this.#lanes) queue?.clear()
  }

  get #isGated(): boolean {
    return this.level > 0 || this.#policy.maxRate !== undefined
  }

  get #hasGrown(): boolean {
    return this.#isGated && this.#waiting('events') >= this.#passAt
  }

  #openLane(index: LaneIndex): LaneQueue {
    const open = this.#lanes[index]
    if (open !== undefined) return open
    const { load, totals, budget } = this.#accounts
    const queue = new LaneQueue(new LaneBooks(this.ledger, load, totals[index]), budget)
    queue.isGated = index !== 0 && this.#isGated
    this.#lanes[index] = queue
    return queue
  }

  #waiting(what: 'bytes' | 'events'): number {
    return (this.#lanes[1]?.[what] ?? 0) + (this.#lanes[2]?.[what] ?? 0)
  }

  #pressure(limits: PressLimits): Pressure {
    return pressureOf(Math.max(this.#waiting('bytes') / limits.bytes, this.#waiting('events') / limits.events))
  }

  #step(pressure: Pressure, now: number): void {
    this.#slowness = stepSlowness(this.#slowness, pressure, now, MAX_LEVEL[this.#policy.onSlow])
    this.#gate()
  }

  #gate(): void {
    for (const index of THINNED_LANES) {
      const queue = this.#lanes[index]
      if (queue !== undefined) queue.isGated = this.#isGated
    }
  }

  #thin(): number {
    let removed = 0
    for (const index of THINNED_LANES) {
      const queue = this.#lanes[index]
      if (queue !== undefined) removed += this.#thinLane(queue)
    }
    const left = this.#waiting('events')
    this.#passAt = left + Math.min(PASS_EVENTS.max, Math.max(PASS_EVENTS.min, left))
    return removed
  }

  #thinLane(queue: LaneQueue): number {
    const { level } = this
    const { onSlow, maxRate } = this.#policy
    let removed = 0
    if (onSlow === 'sample' && level > 0) removed += queue.sample((run, pick) => isSampled(run, pick, level))
    if (maxRate !== undefined || (onSlow === 'conflate' && level > 0)) removed += queue.conflate()
    return removed
  }
}
