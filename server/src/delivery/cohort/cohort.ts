import type { Clock } from '../../clock.ts'
import {
  Backlog,
  type LaneTotals,
  type NodeTotals,
  openTotals,
  type QueueBounds,
  type QueueBudget,
  type Run,
} from '../queue/index.ts'
import type { Subscription } from '../subscription/index.ts'
import {
  BatchFrameBuilder,
  type ByLane,
  type DeliveryObserver,
  type Entry,
  type Flushable,
  type Moved,
  reportDelivered,
  type Take,
} from '../wire/index.ts'
import { type SharedLane, SharedSubscription } from './shared-subscription.ts'

/** A session as its cohort sees it. */
export interface CohortMember extends Flushable {
  readonly subscriptions: ReadonlyMap<number, Subscription>
  readonly windowBytes: number
  readonly maxFrameBytes: number
  /** Whether nothing waits for it or is being read for it, nothing is paused, and it may be written to. */
  readonly isQuiet: boolean
  standing: Standing
  /**
   * Writes a frame; what it moves is entered later. False, and nothing has happened: there is no room for it.
   *
   * @param frame reused for the next one
   */
  writeShared(frame: Buffer, moved: Moved, now: number): boolean
  /** Events wait in its own queues that its cohort had for it. */
  tookOver(): void
  progress(): void
  /** Ends it. Never throws. */
  fail(where: string, error: unknown): void
}

/** Where a session stands with those that have the same. */
export type Standing =
  /** By itself, at least until then. */
  | { readonly kind: 'apart'; readonly untilMs: number }
  /** The only one known to have the same. */
  | { readonly kind: 'alone'; readonly key: string }
  | { readonly kind: 'member'; readonly cohort: Cohort }

/** It may share what comes. */
export const FREE: Standing = { kind: 'apart', untilMs: Number.NEGATIVE_INFINITY }
/** Not with these subscriptions. */
export const NEVER: Standing = { kind: 'apart', untilMs: Number.POSITIVE_INFINITY }

/** What a cohort tells those that keep it. */
export interface CohortEvents {
  /** Something waits that may wait so long for company. */
  queued(cohort: Cohort, withinMs: number): void
  /** There is no room for its frame. */
  outpaced(member: CohortMember): void
  /** More waits than may, or an event is larger than a frame. */
  overfull(cohort: Cohort): void
  /** Everything is written. */
  flushed(cohort: Cohort): void
  undisturbed(action: () => void): void
}

export interface CohortOptions {
  /** Of what waits. */
  readonly bounds: QueueBounds
  readonly budget: QueueBudget
  /** Of the node. */
  readonly totals: NodeTotals
  readonly clock: Clock
  readonly observer: DeliveryObserver
}

/** How far a cohort was at some time. */
interface Progress {
  readonly frames: number
  /** Events written by then, by subscription. */
  readonly delivered: readonly number[]
}

/** Frames are built one at a time and copied when sent. A session that leaves writes frames of its own meanwhile. */
const frames = new BatchFrameBuilder()

/**
 * Sessions that are to get the same events from the same place on, and keep up: what waits for them waits once, and is
 * encoded once. Whatever else concerns a session concerns it alone; it leaves first if that depends on what waits.
 * Positions and ledgers of a session are behind what was written to it until `enter`: to move them with every frame costs a
 * tenth of writing it.
 */
export class Cohort implements Flushable {
  /** Its members may be of many: it takes a turn of its own. */
  readonly purse = this
  readonly key: string
  readonly subscriptions: ReadonlyMap<number, SharedSubscription>
  /** With how far it was when they joined, or what was written to them was last entered. */
  readonly #members = new Map<CohortMember, Progress>()
  /** Sessions that join once nothing waits on both sides. */
  readonly joining = new Set<CohortMember>()
  /** Sessions whose progress waits until nothing else does. */
  readonly #progressing = new Set<CohortMember>()
  /** Of each session in it. */
  readonly standing: Standing = { kind: 'member', cohort: this }
  readonly #bounds: QueueBounds
  readonly #clock: Clock
  readonly #observer: DeliveryObserver
  readonly #backlog: Backlog
  readonly #totals = openTotals()
  readonly #nodeTotals: NodeTotals
  readonly #maxFrameBytes: number
  readonly #events: CohortEvents
  /** One for all that join, or are entered, before the next frame. */
  #progress: Progress

  /** @param like one of its sessions */
  constructor(
    key: string,
    like: CohortMember,
    { bounds, budget, totals, clock, observer }: CohortOptions,
    events: CohortEvents,
  ) {
    this.key = key
    this.#bounds = bounds
    this.#nodeTotals = totals
    this.#clock = clock
    this.#observer = observer
    this.#backlog = new Backlog(bounds, like.windowBytes, this.#totals, budget)
    this.#maxFrameBytes = like.maxFrameBytes
    this.#events = events
    const sink = { queued: (withinMs: number) => this.#queued(withinMs), fail: this.#fail.bind(this) }
    this.subscriptions = new Map(
      [...like.subscriptions].map(([sub, { plan }]) => [
        sub,
        new SharedSubscription(plan, this.#backlog.open(plan.policy), sink),
      ]),
    )
    this.#progress = { frames: 0, delivered: Array.from(this.subscriptions, () => 0) }
  }

  get size(): number {
    return this.#members.size
  }

  members(): Iterable<CohortMember> {
    return this.#members.keys()
  }

  /** To be called while nothing waits. */
  join(member: CohortMember): void {
    this.#members.set(member, this.#progress)
  }

  get isQuiet(): boolean {
    return this.#backlog.events === 0
  }

  /** What waits for each session. */
  get load(): { readonly bytes: number; readonly events: number } {
    return this.#backlog
  }

  /** By lane, what waits for each session. */
  get waiting(): ByLane<Pick<LaneTotals, 'queued' | 'queuedBytes'>> {
    return this.#totals
  }

  /** Progress moves lanes with nothing waiting: it comes when nothing does. */
  progressLater(member: CohortMember): void {
    this.#progressing.add(member)
  }

  /** A session that ends takes nothing with it. */
  drop(member: CohortMember): void {
    this.#members.delete(member)
    this.#progressing.delete(member)
  }

  /** Moves the positions and ledgers of a session to what was written to it. */
  enter(member: CohortMember): void {
    const since = this.#members.get(member)!
    if (since === this.#progress) return
    let n = 0
    for (const [sub, shared] of this.subscriptions) {
      const delivered = shared.ledger.delivered - since.delivered[n++]!
      member.subscriptions.get(sub)!.passed(delivered, shared.lanesWrittenAfter(since.frames))
    }
    this.#members.set(member, this.#progress)
  }

  /** Queues what waits here in the session's own queues. */
  handOver(member: CohortMember): void {
    this.enter(member)
    const { subscriptions } = member
    for (const [sub, { queue }] of this.subscriptions) {
      const own = subscriptions.get(sub)!
      for (const { index, run } of queue.runs()) {
        const { topic, partition } = run.lane as SharedLane
        own.queue.lane(index).adopt(own.feed(topic, partition)!.lane(index)!, run)
      }
    }
  }

  /** Drops what waits: there is nobody to get it. */
  clear(): void {
    for (const { queue } of this.subscriptions.values()) queue.clear()
  }

  /** Whether an entry continues its log under the epoch that the sessions know. */
  continuesUnder({ topic, partition, epoch }: Entry): boolean {
    const [member] = this.#members.keys()
    for (const subscription of member?.subscriptions.values() ?? []) {
      const feed = subscription.feed(topic, partition)
      if (feed?.laneIndexes().some((lane) => feed.epochOf(lane) !== epoch)) return false
    }
    return true
  }

  flush(): boolean {
    this.#events.undisturbed(() => this.#writeAll())
    if (!this.isQuiet) return false
    for (const member of this.#progressing) {
      this.#progressing.delete(member)
      member.progress()
    }
    this.#events.flushed(this)
    return false
  }

  #writeAll(): void {
    const now = this.#clock.monotonic()
    while (!this.isQuiet && this.#members.size > 0) {
      const takes = this.#backlog.plan(this.#maxFrameBytes, false)
      if (takes.length === 0) return this.#events.overfull(this)
      const frame = frames.build(takes)
      const moved: Moved = { by: 'events', takes }
      let written = 0
      for (const member of this.#members.keys()) if (this.#write(member, frame, moved, now)) written++
      // The last one took what waits with it, and the queue is empty.
      if (this.#members.size === 0) return
      reportDelivered(takes, this.#clock.monotonic(), this.#observer)
      this.#wrote(takes, written)
    }
  }

  #write(member: CohortMember, frame: Buffer, moved: Moved, now: number): boolean {
    try {
      if (member.writeShared(frame, moved, now)) return true
      this.#events.outpaced(member)
    } catch (error) {
      member.fail('flush', error)
    }
    return false
  }

  #wrote(takes: readonly Take<Run>[], sessions: number): void {
    const written = this.#progress.frames + 1
    for (const { run, to } of takes) {
      const lane = run.lane as SharedLane
      lane.frames = written
      this.#nodeTotals[lane.index].delivered += (to - run.next) * sessions
    }
    this.#backlog.delivered(takes)
    this.#progress = {
      frames: written,
      delivered: [...this.subscriptions.values()].map(({ ledger }) => ledger.delivered),
    }
  }

  #queued(withinMs: number): void {
    if (this.#backlog.bytes > this.#bounds.bytes || this.#backlog.events > this.#bounds.events) {
      this.#events.overfull(this)
    } else this.#events.queued(this, withinMs)
  }

  #fail(where: string, error: unknown): void {
    for (const member of [...this.#members.keys()]) member.fail(where, error)
  }
}
