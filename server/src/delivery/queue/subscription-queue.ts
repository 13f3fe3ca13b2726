import type { OnSlow } from '@tidegate/protocol'
import { type ByLane, LANE_INDEXES, type LaneIndex } from '../wire/index.ts'
import { LaneQueue, type Turns } from './lane-queue.ts'
import { LaneBooks, type Ledger, type NodeTotals, openLedger, type QueueLoad } from './ledger.ts'
import type { QueueBudget } from './queue-budget.ts'
import type { Run } from './run.ts'
import { isSampled } from './sampling.ts'
import type { SlowPolicy } from './slow-policy.ts'
import { KEEPING_UP, type Pressure, pressureOf, type Slowness, stepSlowness } from './slowness.ts'

/** What the queues of one subscriber share. */
export interface QueueAccounts {
  readonly load: QueueLoad
  readonly totals: NodeTotals
  readonly budget: QueueBudget
  readonly turns: ByLane<Turns>
  /** A subscription counts as slow if this much of it waits while its subscriber is congested. */
  readonly slowFrom: { readonly bytes: number; readonly events: number }
}

/** Highest level of each policy: each level of `sample` halves what is sent. */
const MAX_LEVEL: Readonly<Record<OnSlow, number>> = { conflate: 1, sample: 6, 'drop-oldest': 0, disconnect: 0 }
/** Lanes from which a policy may withhold events, in this order. High is delivered, or the session ends. */
const THINNED_LANES = [2, 1] as const
/**
 * The queue is thinned again when it has doubled, or grown by the larger of these: the cost stays proportional to what
 * was queued.
 */
const PASS_EVENTS = { min: 64, max: 1_024 }

/** Everything that waits for one subscription, thinned by its policy while its client is slow. */
export class SubscriptionQueue {
  readonly ledger: Ledger = openLedger()
  readonly #accounts: QueueAccounts
  readonly #lanes: [LaneQueue | undefined, LaneQueue | undefined, LaneQueue | undefined] = [
    undefined,
    undefined,
    undefined,
  ]
  #policy: SlowPolicy
  #isPaused = false
  #slowness: Slowness = KEEPING_UP
  /** When `maxRate` releases the next events. */
  #releaseAt = 0
  /** Number of waiting events that triggers the next pass. */
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

  /** Whether its client reads nothing of it for now. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    for (const lane of this.#lanes) lane?.pause(isPaused)
  }

  /** Everything that waits for it. */
  get load(): Readonly<QueueLoad> {
    const load = { bytes: 0, events: 0 }
    for (const lane of this.#lanes) {
      load.bytes += lane?.bytes ?? 0
      load.events += lane?.events ?? 0
    }
    return load
  }

  copyOutSparse(): void {
    for (const lane of this.#lanes) lane?.copyOutSparse()
  }

  /** Applies a changed policy to waiting and future events. */
  change(policy: SlowPolicy): void {
    this.#policy = policy
    this.#slowness = { level: Math.min(this.level, MAX_LEVEL[policy.onSlow]), calmSince: undefined }
    this.#releaseAt = 0
    this.#gate()
  }

  /** The queue of a lane, created on first use. */
  lane(index: LaneIndex): LaneQueue {
    return this.#lanes[index] ?? this.#openLane(index)
  }

  /** Events that never waited here were handed to the socket, and are in the totals of the node. */
  passed(events: number): void {
    this.ledger.matched += events
    this.ledger.delivered += events
  }

  /** The runs that may be taken, lane by lane. */
  *runs(): Iterable<{ readonly index: LaneIndex; readonly run: Run }> {
    for (const index of LANE_INDEXES) {
      for (const run of this.#lanes[index]?.takeable() ?? []) yield { index, run }
    }
  }

  bytesIn(index: LaneIndex): number {
    return this.#lanes[index]?.bytes ?? 0
  }

  /** While its subscriber is congested, or it is paused: enters the next level if too much waits, and thins the queue. */
  press(now: number): void {
    const { level } = this
    if (this.#pressure() === 'high') this.#step('high', now)
    if (this.level > level) this.#thin()
    else this.thinIfGrown()
  }

  /** Thins the queue if it has doubled since the last time. To be called when events were queued. */
  thinIfGrown(): void {
    if (this.#hasGrown) this.#thin()
  }

  /** Releases events that may be sent now. To be called before frames are planned. */
  release(now: number): void {
    if (this.#isPaused) return
    const pressure = this.level > 0 ? this.#pressure() : 'high'
    if (pressure !== 'high') this.#step(pressure, now)
    if (!this.#isGated || now < this.#releaseAt) return
    let released = false
    for (const index of THINNED_LANES) {
      const queue = this.#lanes[index]
      if (queue === undefined || queue.events === 0 || queue.hasSealed) continue
      this.#thinLane(queue)
      queue.seal()
      released = true
    }
    if (released && this.#policy.maxRate !== undefined) this.#releaseAt = now + 1_000 / this.#policy.maxRate
  }

  /** When the next waiting event may be sent, if none may now. */
  heldUntil(): number | undefined {
    if (this.#policy.maxRate === undefined || this.#isPaused) return undefined
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
    for (const index of LANE_INDEXES) this.clearLane(index)
  }

  clearLane(index: LaneIndex): void {
    this.#lanes[index]?.clear()
  }

  get #isGated(): boolean {
    return this.level > 0 || this.#policy.maxRate !== undefined
  }

  get #hasGrown(): boolean {
    return this.#isGated && this.#waiting('events') >= this.#passAt
  }

  #openLane(index: LaneIndex): LaneQueue {
    const { load, totals, budget, turns } = this.#accounts
    const queue = new LaneQueue(new LaneBooks(this.ledger, load, totals[index]), budget, turns[index])
    queue.isGated = index !== 0 && this.#isGated
    queue.pause(this.#isPaused)
    this.#lanes[index] = queue
    return queue
  }

  #waiting(what: 'bytes' | 'events'): number {
    return (this.#lanes[1]?.[what] ?? 0) + (this.#lanes[2]?.[what] ?? 0)
  }

  #pressure(): Pressure {
    const { bytes, events } = this.#accounts.slowFrom
    return pressureOf(Math.max(this.#waiting('bytes') / bytes, this.#waiting('events') / events))
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
