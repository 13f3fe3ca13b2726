import { CLOSE, type ErrorCode, LIMITS, RETRYABLE, type ServerFrame } from '@tidegate/protocol'
import type { Rights } from '../access/index.ts'
import type { Mark } from '../bus/index.ts'
import { describeDefect } from '../observability/defects.ts'
import type { PresenceSeat } from '../presence/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import { type Cohort, type CohortMember, FREE, type Standing } from './cohort/index.ts'
import type { DeliverySubscriber } from './delivery-subscriber.ts'
import type { Loss } from './log/index.ts'
import { Outlet } from './outlet.ts'
import { Backlog, type Ledger, type SubscriptionQueue, thins } from './queue/index.ts'
import type { SubscriberContext, SubscriberOptions } from './subscriber-context.ts'
import {
  changeLanes,
  collectLeft,
  collectProgress,
  type EventSink,
  type Feed,
  holdPlan,
  type ReplayOwner,
  Replays,
  releasePlan,
  Snapshots,
  type Starts,
  type SubscribeFrame,
  Subscription,
  type SubscriptionLimits,
  whyFull,
} from './subscription/index.ts'
import {
  type DeliverySocket,
  type EncodedFrame,
  type Entry,
  LANE_INDEXES,
  type LaneIndex,
  type Moved,
  VectorBuilder,
  WithheldByPart,
} from './wire/index.ts'

/**
 * A feed that has not caught up after this long is treated as slow: about as long as its queue takes to fill at 1
 * Mbit/s.
 */
const CATCH_UP_MS = 10_000
/** RFC 6455: an unexpected condition. */
const CLOSE_INTERNAL = 1_011

/** One connected client: its subscriptions, its queues, and its flow control. */
export class Subscriber implements DeliverySubscriber, CohortMember, EventSink, ReplayOwner {
  readonly name: string
  readonly #socket: DeliverySocket
  readonly #context: SubscriberContext
  readonly #backlog: Backlog
  readonly #outlet: Outlet
  readonly #replay: Replays
  /** Created when a subscription first asks for a snapshot. */
  #snapshots: Snapshots | undefined
  readonly #subscriptions = new Map<number, Subscription>()
  #rights: Rights
  readonly #limits: SubscriptionLimits
  readonly #seat: PresenceSeat | undefined
  standing: Standing = FREE
  isClosed = false

  constructor(
    socket: DeliverySocket,
    { name, rights, limits, seat, ...flow }: SubscriberOptions,
    context: SubscriberContext,
  ) {
    this.name = name
    this.#rights = rights
    this.#limits = limits
    this.#seat = seat
    this.#socket = socket
    this.#context = context
    this.#backlog = new Backlog(context.queueBounds, flow.windowBytes, context.totals, context.budget)
    this.#outlet = new Outlet(socket, flow, this.#backlog, context.observer, context.socketMemory)
    this.#replay = new Replays(this.#backlog, context, limits, this)
  }

  get purse(): object {
    return this.#limits.purse
  }

  get subscriptions(): ReadonlyMap<number, Subscription> {
    return this.#subscriptions
  }

  get replayingFeeds(): number {
    return this.#replay.feeds
  }

  get queuedBytes(): number {
    return this.#backlog.bytes + (this.#cohort?.load.bytes ?? 0)
  }

  /** What was written and waits for its socket. */
  get unreadBytes(): number {
    return this.#outlet.unreadBytes
  }

  get queuedEvents(): number {
    return this.#backlog.events + (this.#cohort?.load.events ?? 0)
  }

  get #cohort(): Cohort | undefined {
    return this.standing.kind === 'member' ? this.standing.cohort : undefined
  }

  get windowBytes(): number {
    return this.#outlet.windowBytes
  }

  get maxFrameBytes(): number {
    return this.#outlet.maxFrameBytes
  }

  get isQuiet(): boolean {
    const { isEmpty, events, hasPaused } = this.#backlog
    return !this.isClosed && this.#outlet.isOpen && isEmpty && events === 0 && !hasPaused && !this.#hasWaiting
  }

  get outlet(): Pick<Outlet, 'congestedSince' | 'inFlight'> {
    return this.#outlet
  }

  subscribe(frame: SubscribeFrame): void {
    if (this.isClosed) return
    const { sub } = frame
    const open = this.#subscriptions.get(sub)
    if (open !== undefined) return this.#change(open, frame)
    if (this.#subscriptions.size >= LIMITS.subscriptions) {
      return this.#refuse(sub, 'too_many_subscriptions', `at most ${LIMITS.subscriptions} per session`)
    }
    const full = whyFull(this.#limits, frame)
    if (full !== undefined) return this.#refuse(sub, full.code, full.message, full.retryAfterMs)
    const { starter } = this.#context
    const result = starter.plan(frame, this.#rights)
    if (!result.ok) return this.#refuse(sub, result.code, result.message)
    this.#limits.charge('starts', result.plan.starts)
    const over = holdPlan(this.#limits, result.plan)
    if (over !== undefined) return this.#refuse(sub, over.code, over.message, over.retryAfterMs)
    this.#context.cohorts.leave(this)
    const subscription = new Subscription(result.plan, this.#backlog.open(result.plan.policy), this)
    this.#subscriptions.set(sub, subscription)
    starter.start(subscription.plan, result.from, this.#limits, (starts) =>
      this.#contained('the begin of a subscription', () => {
        if (this.#subscriptions.get(sub) === subscription) this.#started(subscription, starts)
      }),
    )
  }

  #started(subscription: Subscription, starts: Starts): void {
    if (starts.ok) return this.#begin(subscription, starts)
    const { sub } = subscription.plan
    this.#remove(subscription)
    if (starts.reason === 'unavailable') return this.#refuse(sub, 'unavailable', starts.message)
    this.#refuse(sub, 'internal', describeDefect(this.#context.report(`subscribe of ${this.name}`, starts.error)))
  }

  unsubscribe(sub: number): void {
    if (this.isClosed) return
    const subscription = this.#subscriptions.get(sub)
    if (subscription === undefined) return this.#refuse(sub, 'unknown_subscription', `no subscription ${sub}`)
    this.#end(subscription, 'ok')
  }

  /** Other rights count from now on. Subscriptions that would show something else under them end. */
  setRights(rights: Rights): void {
    const before = this.#rights
    this.#rights = rights
    for (const subscription of [...this.#subscriptions.values()]) {
      if (this.#context.starter.staysSame(subscription.plan.selector, before, rights)) continue
      this.#end(subscription, 'rights_changed')
    }
  }

  #end(subscription: Subscription, code: 'ok' | ErrorCode): void {
    this.#context.cohorts.leave(this)
    const withheld = new WithheldByPart()
    for (const feed of subscription.feeds()) feed.takeTrailing(feed.laneIndexes(), withheld)
    this.#remove(subscription)
    this.sendControl({ type: 'unsubscribed', sub: subscription.plan.sub, code, ...withheld.toField() })
  }

  ledger(sub: number): Readonly<Ledger> | undefined {
    this.#cohort?.enter(this)
    const own = this.#subscriptions.get(sub)?.ledger
    const shared = this.#cohort?.subscriptions.get(sub)?.ledger.queued
    return own && shared ? { ...own, matched: own.matched + shared, queued: own.queued + shared } : own
  }

  credit(bytes: number, subs: Readonly<Record<string, 0 | null>> = {}): void {
    for (const [sub, events] of Object.entries(subs)) {
      this.#context.cohorts.leave(this)
      const subscription = this.#subscriptions.get(Number(sub))
      if (subscription !== undefined) this.#backlog.pause(subscription.queue, events === 0)
      if (events === null) this.#context.flusher.schedule(this)
    }
    this.#stepOutlet({ type: 'credited', bytes })
  }

  drained(): void {
    this.#stepOutlet({ type: 'checked' })
  }

  sendControl(frame: ServerFrame): void {
    this.sendControls([frame])
  }

  sendControls(frames: readonly (ServerFrame | EncodedFrame)[]): void {
    if (this.isClosed) return
    const now = this.#context.clock.monotonic()
    const isWhole = frames.length === 1 ? this.#outlet.write(frames[0]!, now) : this.#outlet.writeAll(frames, now)
    // Control frames cannot be sent again later: their requests would stay unanswered.
    if (!isWhole) this.end(CLOSE.tooSlow)
  }

  queued(queue: SubscriptionQueue, withinMs: number): void {
    if (this.#outlet.isOpen && !queue.isPaused) queue.thinIfGrown()
    else queue.press(this.#context.clock.monotonic())
    this.#offered(withinMs)
  }

  /**
   * After an outage a feed continues from the log, at its client's pace, once its backlog exceeds what a replay may
   * queue.
   */
  caughtUpTo(feed: Feed, entry: Entry): void {
    if (this.#backlog.hasRoomForReplay || thins(feed.subscription.queue.policy)) return
    feed.returnToLog(entry, this.#context.clock.monotonic() + CATCH_UP_MS)
    this.#contained('a return to the log', () => this.#replay.add([feed]))
  }

  /** The log was trimmed up to `upTo` before this node's tail had read it. */
  reportTrimmed(topic: string, partition: number, upTo: Mark): void {
    this.#contained('trimmed', () => this.#reportTrimmed(topic, partition, upTo))
  }

  #reportTrimmed(topic: string, partition: number, upTo: Mark): void {
    this.#context.cohorts.leave(this)
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.reportTrimmed(topic, partition, upTo)) this.#offered()
    }
  }

  /** The log has lost the entry that this node's tail read last. */
  reportLost(topic: string, partition: number, loss: Loss): void {
    this.#contained('lost', () => this.#reportLost(topic, partition, loss))
  }

  #reportLost(topic: string, partition: number, loss: Loss): void {
    this.#context.cohorts.leave(this)
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.reportLost(topic, partition, loss)) this.#offered()
    }
  }

  flush(): boolean {
    try {
      return this.#flush()
    } catch (error) {
      this.fail('flush', error)
      return false
    }
  }

  #flush(): boolean {
    if (this.isClosed) return false
    const now = this.#context.clock.monotonic()
    const mayGoOn = this.#outlet.flush(now)
    if (!this.#outlet.isOpen) this.#backlog.press(now)
    this.#snapshots?.pump()
    this.#replay.pump()
    if (this.isClosed) return false
    if (this.#backlog.events > 0) {
      this.compact()
      if (this.#context.budget.isExceeded) this.#context.onBudgetExceeded()
    }
    if (this.isClosed || !this.#hasWaiting) {
      this.#context.cohorts.seek(this)
      return false
    }
    if (!mayGoOn || this.#backlog.hasTakeable) return mayGoOn
    const heldUntil = this.#snapshots?.isWaiting ? undefined : this.#backlog.heldUntil()
    if (heldUntil !== undefined) this.#context.flusher.schedule(this, Math.max(1, heldUntil - now))
    return heldUntil === undefined
  }

  /** Sends the client the positions of its quiet subscriptions. To be called about once per `PROGRESS_MS`. */
  progress(): void {
    this.#contained('progress', () => this.#progress())
  }

  #progress(): void {
    const cohort = this.#cohort
    if (cohort?.isQuiet === false) return cohort.progressLater(this)
    cohort?.enter(this)
    for (const subscription of this.#subscriptions.values()) {
      if (this.isClosed || !this.#outlet.isOpen) return
      const progress = collectProgress(subscription, this.#context.tailOf)
      if (progress !== undefined) this.sendControl({ type: 'progress', sub: subscription.plan.sub, ...progress })
    }
    if (this.#backlog.isEmpty) return
    this.#context.cohorts.leave(this)
    this.#context.flusher.schedule(this)
  }

  writeShared(frame: Buffer, moved: Moved, now: number): boolean {
    return this.#outlet.writeShared(frame, moved, now)
  }

  tookOver(): void {
    this.#offered()
  }

  offered(): void {
    this.#offered()
  }

  replayFailed(error: unknown): void {
    this.fail('a replay', error)
  }

  /** Releases entries of which little is still needed. */
  compact(): void {
    this.#contained('compact', () => this.#backlog.copyOutSparse())
  }

  /** The node needs room: withholds normal and low events until at most this many bytes wait. */
  shrinkTo(bytes: number): void {
    this.#contained('shrink', () => {
      if (!this.#backlog.shrinkTo({ bytes, events: Number.POSITIVE_INFINITY }, this.#context.clock.monotonic())) return
      this.#context.flusher.schedule(this)
    })
  }

  /** Closes it and its socket; the client reconnects later. */
  end(code: typeof CLOSE.tooSlow | typeof CLOSE.overload): void {
    this.close()
    this.#socket.close(code, JSON.stringify({ retryAfterMs: RETRY_AFTER_MS.slowClient }))
  }

  /** Ends it and its connection after a defect. Never throws. */
  fail(where: string, error: unknown): void {
    const { report } = this.#context
    const id = report(`${where} of ${this.name}`, error)
    try {
      this.sendControl({ type: 'error', code: 'internal', message: describeDefect(id), retryable: false })
      this.close()
    } catch (again) {
      report(`the end of ${this.name} after ${id}`, again)
    }
    this.#socket.close(CLOSE_INTERNAL, id)
  }

  #contained(where: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.fail(where, error)
    }
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#context.cohorts.forget(this)
    for (const subscription of this.#subscriptions.values()) this.#remove(subscription)
    this.#outlet.close()
    this.#context.onClosed(this)
  }

  #begin(subscription: Subscription, { starts, recovered, snapshot }: Extract<Starts, { ok: true }>): void {
    for (const [topic, feedStarts] of starts) subscription.addFeeds(topic, feedStarts)
    this.#grant(subscription, LANE_INDEXES, { recovered, ...(snapshot && { snapshot }) })
    if (this.isClosed) return
    this.#context.index.add(subscription)
    this.#takeSeat(subscription)
    if (snapshot) this.#openSnapshots().add(subscription)
    else this.#replay.add([...subscription.feeds()])
    this.#context.cohorts.seek(this)
  }

  #openSnapshots(): Snapshots {
    this.#snapshots ??= new Snapshots(
      this.#context,
      this.#outlet,
      this.#limits,
      (subscription) => this.#replay.add([...subscription.feeds()]),
      (error) => this.fail('a snapshot', error),
    )
    return this.#snapshots
  }

  /** Continues the subscription with other options. */
  #change(subscription: Subscription, frame: SubscribeFrame): void {
    const { sub, from } = frame
    const { index, starter, tailOf } = this.#context
    if (from !== undefined) {
      return this.#refuse(sub, 'unsupported', 'a changed subscription keeps its position: leave from out')
    }
    const result = starter.plan(frame, this.#rights)
    if (!result.ok) return this.#refuse(sub, result.code, result.message)
    if (result.plan.selector !== subscription.plan.selector) {
      return this.#refuse(sub, 'unsupported', 'the topic of a subscription cannot be changed: use another sub')
    }
    this.#limits.charge('starts', result.plan.starts)
    releasePlan(this.#limits, subscription.plan)
    const over = holdPlan(this.#limits, result.plan)
    if (over !== undefined) {
      holdPlan(this.#limits, subscription.plan)
      return this.#refuse(sub, over.code, over.message, over.retryAfterMs)
    }
    this.#context.cohorts.leave(this)
    const left = collectLeft(subscription, result.plan)
    index.remove(subscription)
    const joined = changeLanes(subscription, result.plan, tailOf)
    subscription.queue.change(result.plan.policy)
    if (!subscription.hasBegun) return
    if (left !== undefined) this.sendControl({ type: 'progress', sub, ...left })
    if (this.isClosed) return
    index.add(subscription)
    this.#takeSeat(subscription)
    this.#grant(subscription, joined, { recovered: true })
    this.#offered()
  }

  #takeSeat({ plan: { sub, topics, state } }: Subscription): void {
    this.#seat?.subscribed(sub, topics, state)
  }

  /** @param lanes those that begin; the client learns the positions of the others with their waiting events. */
  #grant(
    subscription: Subscription,
    lanes: readonly LaneIndex[],
    start: { readonly recovered: boolean; readonly snapshot?: true },
  ): void {
    const { sub, policy } = subscription.plan
    const positions = new VectorBuilder()
    for (const feed of subscription.feeds()) {
      for (const lane of feed.laneIndexes()) {
        if (lanes.includes(lane)) positions.add(feed, lane, feed.resolvedTo(lane))
      }
    }
    const { onSlow, maxRate } = policy
    this.sendControl({
      type: 'subscribed',
      sub,
      positions: positions.build(),
      ...start,
      onSlow,
      ...(maxRate !== undefined && { maxRate }),
    })
  }

  #remove(subscription: Subscription): void {
    const { index, starter } = this.#context
    this.#subscriptions.delete(subscription.plan.sub)
    index.remove(subscription)
    this.#seat?.unsubscribed(subscription.plan.sub)
    this.#snapshots?.forget(subscription)
    this.#replay.forget((feed) => feed.subscription === subscription)
    this.#backlog.close(subscription.queue)
    releasePlan(this.#limits, subscription.plan)
    starter.release(subscription.plan)
  }

  #offered(withinMs = 0): void {
    if (this.isClosed) return
    const { budget, clock, flusher, onBudgetExceeded } = this.#context
    if (!this.#backlog.enforceBounds(clock.monotonic())) return this.end(CLOSE.tooSlow)
    flusher.schedule(this, withinMs)
    if (budget.isExceeded) onBudgetExceeded()
  }

  #stepOutlet(event: Parameters<Outlet['step']>[0]): void {
    if (this.isClosed) return
    const wasOpen = this.#outlet.isOpen
    this.#outlet.step(event, this.#context.clock.monotonic())
    if (!this.#outlet.isOpen || !this.#hasWaiting) return
    // Events that waited for room fill frames by themselves: a tick would gather nothing and limit the throughput of a
    // window.
    if (wasOpen || this.flush()) this.#context.flusher.schedule(this)
  }

  get #hasWaiting(): boolean {
    return !this.#backlog.isEmpty || this.#replay.isWaiting || this.#snapshots?.isWaiting === true
  }

  #refuse(sub: number, code: ErrorCode, message: string, retryAfterMs?: number): void {
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs }
    this.sendControl({ type: 'error', sub, code, message, retryable: RETRYABLE.has(code), ...retry })
  }
}
