import { CLOSE, type ErrorCode, LIMITS, RETRYABLE, type ServerFrame } from '@tidegate/protocol'
import type { Mark } from '../bus/index.ts'
import { describeDefect, type ReportDefect } from '../observability/defects.ts'
import type { DeliverySession, DeliverySocket } from './wire/delivery-socket.ts'
import type { Picks } from './wire/encoded-events.ts'
import { type Entry, LANE_INDEXES, type LaneIndex } from './wire/entry.ts'
import type { Feed } from './subscription/feed.ts'
import type { FlowOptions } from './wire/flow.ts'
import type { Flushable, Flusher } from './wire/flusher.ts'
import type { Ledger, NodeTotals } from './queue/ledger.ts'
import { Outlet } from './outlet.ts'
import type { Loss } from './log/partition-tail.ts'
import { collectProgress } from './subscription/progress.ts'
import type { QueueBudget } from './queue/queue-budget.ts'
import { type QueueBounds, SessionQueue } from './queue/backlog.ts'
import { type ReplayContext, SessionReplay } from './subscription/replays.ts'
import { SessionSnapshots, type SnapshotContext } from './subscription/snapshots.ts'
import { thins } from './queue/slow-policy.ts'
import { VectorBuilder } from './subscription/start-marks.ts'
import { type EventSink, Subscription } from './subscription/subscription.ts'
import { changeLanes } from './subscription/subscription-change.ts'
import type { SubscribeFrame } from './subscription/subscription-plan.ts'
import type { Starts, SubscriptionStarter } from './subscription/subscription-starter.ts'
import type { TopicIndex } from './subscription/topic-index.ts'
import { WithheldByPart } from './wire/withheld.ts'

/** When a client closed for slowness should come back. */
const TOO_SLOW_RETRY_MS = 1_000
/** A feed that has not caught up after so long is treated as slow: about as long as its queue takes to fill at 1 Mbit/s. */
const CATCH_UP_MS = 10_000
/** RFC 6455: an unexpected condition. */
const CLOSE_INTERNAL = 1_011

/** What the sessions of a node share. */
export interface SessionContext extends ReplayContext, SnapshotContext {
  readonly starter: Pick<SubscriptionStarter, 'plan' | 'start' | 'release'>
  readonly index: TopicIndex<Subscription>
  readonly flusher: Pick<Flusher, 'schedule'>
  readonly totals: NodeTotals
  readonly queueBounds: QueueBounds
  readonly budget: QueueBudget
  readonly report: ReportDefect
  /** The queues of the node hold more than they may together. */
  onBudgetExceeded(): void
  onClosed(session: Session): void
}

export interface SessionOptions extends FlowOptions {
  /** Name of the session, for those who look at slow ones. */
  readonly name: string
}

/** One connected client: its subscriptions, what is queued for it, and how much may be written to it now. */
export class Session implements DeliverySession, Flushable, EventSink {
  readonly name: string
  readonly #socket: DeliverySocket
  readonly #context: SessionContext
  readonly #queue: SessionQueue
  readonly #outlet: Outlet
  readonly #replay: SessionReplay
  /** Made when a subscription first asks for one. */
  #snapshots: SessionSnapshots | undefined
  readonly #subscriptions = new Map<number, Subscription>()
  #closed = false

  constructor(socket: DeliverySocket, { name, ...flow }: SessionOptions, context: SessionContext) {
    this.name = name
    this.#socket = socket
    this.#context = context
    this.#queue = new SessionQueue(context.queueBounds, flow.windowBytes, context.totals, context.budget)
    this.#outlet = new Outlet(socket, flow, this.#queue)
    this.#replay = new SessionReplay(
      this.#queue,
      context,
      () => this.#offered(),
      (error) => this.fail('a replay', error),
    )
  }

  get subscriptions(): ReadonlyMap<number, Subscription> {
    return this.#subscriptions
  }

  get replayingFeeds(): number {
    return this.#replay.feeds
  }

  get queuedBytes(): number {
    return this.#queue.bytes
  }

  get queuedEvents(): number {
    return this.#queue.events
  }

  get outlet(): Pick<Outlet, 'congestedSince' | 'inFlight'> {
    return this.#outlet
  }

  subscribe(frame: SubscribeFrame): void {
    if (this.#closed) return
    const { sub } = frame
    const open = this.#subscriptions.get(sub)
    if (open !== undefined) return this.#change(open, frame)
    if (this.#subscriptions.size >= LIMITS.subscriptions) {
      return this.#refuse(sub, 'too_many_subscriptions', `at most ${LIMITS.subscriptions} per session`)
    }
    const { starter } = this.#context
    const result = starter.plan(frame)
    if (!result.ok) return this.#refuse(sub, result.code, result.message)
    const subscription = new Subscription(result.plan, this.#queue.open(result.plan.policy), this)
    this.#subscriptions.set(sub, subscription)
    starter.start(subscription.plan, result.from, (starts) =>
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
    if (this.#closed) return
    const subscription = this.#subscriptions.get(sub)
    if (subscription === undefined) return this.#refuse(sub, 'unknown_subscription', `no subscription ${sub}`)
    const withheld = new WithheldByPart()
    for (const feed of subscription.feeds()) feed.takeTrailing(feed.laneIndexes(), withheld)
    this.#remove(subscription)
    this.#send({ type: 'unsubscribed', sub, code: 'ok', ...withheld.toField() })
  }

  ledger(sub: number): Readonly<Ledger> | undefined {
    return this.#subscriptions.get(sub)?.ledger
  }

  credit(bytes: number): void {
    this.#stepOutlet({ type: 'credited', bytes })
  }

  drained(): void {
    this.#stepOutlet({ type: 'checked' })
  }

  sendControl(frame: object): void {
    if (this.#closed) return
    // Control frames cannot be sent again later: what they answer would stay unanswered.
    if (!this.#outlet.write(frame, this.#context.clock.monotonic())) this.end(CLOSE.tooSlow)
  }

  /** Events for a live feed, from the turn in which the tail read them. */
  offer(feed: Feed, lane: LaneIndex, entry: Entry, picks: Picks): void {
    // What was offered before, to this session or to another, may have closed it within the turn.
    if (this.#closed || feed.state.kind !== 'live') return
    this.#queue.offer(feed, lane, entry, picks)
    this.#queue.press(feed.subscription.queue, !this.#outlet.isOpen, this.#context.clock.monotonic())
    this.#offered(waitMs(feed.subscription, lane))
  }

  /** After an outage a feed goes on from the log, at its client's pace, once what piled up is more than a replay may queue. */
  caughtUpTo(feed: Feed, entry: Entry): void {
    if (this.#closed || feed.state.kind !== 'live' || this.#queue.hasRoomForReplay) return
    if (thins(feed.subscription.queue.policy)) return
    feed.returnToLog(entry, this.#context.clock.monotonic() + CATCH_UP_MS)
    this.#contained('a return to the log', () => this.#replay.add([feed]))
  }

  /** The log was trimmed before this node's tail had read it up to `upTo`. */
  tellTrimmed(topic: string, partition: number, upTo: Mark): void {
    this.#contained('trimmed', () => this.#tellTrimmed(topic, partition, upTo))
  }

  #tellTrimmed(topic: string, partition: number, upTo: Mark): void {
    for (const subscription of this.#subscriptions.values()) {
      const feed = subscription.feed(topic, partition)
      if (feed?.state.kind !== 'live') continue
      for (const lane of feed.laneIndexes()) this.#queue.tellTrimmed(feed, lane, upTo)
      this.#offered()
    }
  }

  /** The log has lost what this node's tail had read last. */
  tellLost(topic: string, partition: number, loss: Loss): void {
    this.#contained('lost', () => this.#tellLost(topic, partition, loss))
  }

  #tellLost(topic: string, partition: number, { had, upTo }: Loss): void {
    for (const subscription of this.#subscriptions.values()) {
      const feed = subscription.feed(topic, partition)
      if (feed === undefined) continue
      feed.goBack(upTo)
      if (feed.state.kind !== 'live') continue
      // A lane that is under another epoch by now was resumed from a gateway that is ahead.
      const lanes = feed.laneIndexes().filter((lane) => feed.epochOf(lane) === had)
      for (const lane of lanes) this.#queue.tellEpoch(feed, lane, upTo)
      this.#offered()
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
    if (this.#closed) return false
    const now = this.#context.clock.monotonic()
    const mayGoOn = this.#outlet.flush(now)
    if (!this.#outlet.isOpen) this.#queue.pressAll(now)
    this.#snapshots?.pump()
    this.#replay.pump()
    if (this.#closed || !this.#hasWaiting) return false
    this.compact()
    if (this.#context.budget.isExceeded) this.#context.onBudgetExceeded()
    if (this.#closed) return false
    if (!mayGoOn || this.#queue.hasTakeable) return mayGoOn
    const heldUntil = this.#snapshots?.isWaiting ? undefined : this.#queue.heldUntil()
    if (heldUntil !== undefined) this.#context.flusher.schedule(this, Math.max(1, heldUntil - now))
    return heldUntil === undefined
  }

  /** Tells the client how far its quiet subscriptions are. To be called about once per `PROGRESS_MS`. */
  progress(): void {
    this.#contained('progress', () => this.#progress())
  }

  #progress(): void {
    for (const subscription of this.#subscriptions.values()) {
      if (this.#closed || !this.#outlet.isOpen) return
      const progress = collectProgress(subscription, this.#queue, this.#context.tailOf)
      if (progress !== undefined) this.#send({ type: 'progress', sub: subscription.plan.sub, ...progress })
    }
    if (!this.#queue.isEmpty) this.#context.flusher.schedule(this)
  }

  /** Lets go of entries of which little is still needed. */
  compact(): void {
    this.#contained('compact', () => this.#queue.copyOutSparse())
  }

  /** The node needs room: withholds normal and low events until no more than so many bytes wait. */
  shrinkTo(bytes: number): void {
    this.#contained('shrink', () => {
      if (!this.#queue.shrinkTo({ bytes, events: Number.POSITIVE_INFINITY }, this.#context.clock.monotonic())) return
      this.#context.flusher.schedule(this)
    })
  }

  /** Closes the session and its socket; the client shall come back. */
  end(code: typeof CLOSE.tooSlow | typeof CLOSE.overload): void {
    this.close()
    this.#socket.close(code, JSON.stringify({ retryAfterMs: TOO_SLOW_RETRY_MS }))
  }

  /** Ends the session and its connection after a defect. Never throws. */
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
    if (this.#closed) return
    this.#closed = true
    for (const subscription of this.#subscriptions.values()) this.#remove(subscription)
    this.#context.onClosed(this)
  }

  #begin(subscription: Subscription, { starts, recovered, snapshot }: Extract<Starts, { ok: true }>): void {
    for (const [topic, feedStarts] of starts) subscription.addFeeds(topic, feedStarts)
    this.#grant(subscription, LANE_INDEXES, { recovered, ...(snapshot && { snapshot }) })
    if (this.#closed) return
    this.#context.index.add(subscription)
    if (snapshot) this.#openSnapshots().add(subscription)
    else this.#replay.add([...subscription.feeds()])
  }

  #openSnapshots(): SessionSnapshots {
    this.#snapshots ??= new SessionSnapshots(
      this.#context,
      this.#outlet,
      (subscription) => this.#replay.add([...subscription.feeds()]),
      (error) => this.fail('a snapshot', error),
    )
    return this.#snapshots
  }

  /** The same subscription with other options, from where it is. */
  #change(subscription: Subscription, frame: SubscribeFrame): void {
    const { sub, from } = frame
    const { index, starter, tailOf } = this.#context
    if (from !== undefined) {
      return this.#refuse(sub, 'unsupported', 'a changed subscription goes on where it is: leave from out')
    }
    const result = starter.plan(frame)
    if (!result.ok) return this.#refuse(sub, result.code, result.message)
    if (result.plan.selector !== subscription.plan.selector) {
      return this.#refuse(sub, 'unsupported', 'the topic of a subscription cannot be changed: use another sub')
    }
    const hasBegun = index.remove(subscription)
    const joined = changeLanes(subscription, result.plan, tailOf)
    subscription.queue.change(result.plan.policy)
    if (!hasBegun) return
    index.add(subscription)
    this.#grant(subscription, joined, { recovered: true })
    this.#offered()
  }

  /** @param lanes those that begin: where the others are, the client is told with what waits for it. */
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
    this.#send({
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
    this.#snapshots?.forget(subscription)
    this.#replay.forget((feed) => feed.subscription === subscription)
    this.#queue.close(subscription.queue)
    starter.release(subscription.plan)
  }

  #offered(withinMs = 0): void {
    if (this.#closed) return
    const { budget, clock, flusher, onBudgetExceeded } = this.#context
    if (!this.#queue.enforceBounds(clock.monotonic())) return this.end(CLOSE.tooSlow)
    flusher.schedule(this, withinMs)
    if (budget.isExceeded) onBudgetExceeded()
  }

  #stepOutlet(event: Parameters<Outlet['step']>[0]): void {
    if (this.#closed) return
    const wasOpen = this.#outlet.isOpen
    this.#outlet.step(event, this.#context.clock.monotonic())
    if (!this.#outlet.isOpen || !this.#hasWaiting) return
    // What waited for room fills its frames: a tick would gather nothing, and bound what a window can carry.
    if (wasOpen || this.flush()) this.#context.flusher.schedule(this)
  }

  get #hasWaiting(): boolean {
    return !this.#queue.isEmpty || this.#replay.isWaiting || this.#snapshots?.isWaiting === true
  }

  #send(frame: ServerFrame): void {
    this.sendControl(frame)
  }

  #refuse(sub: number, code: ErrorCode, message: string): void {
    this.#send({ type: 'error', sub, code, message, retryable: RETRYABLE.has(code) })
  }
}

/** How long an event that was just queued may wait for company. High never waits. */
function waitMs({ plan: { batch }, queue }: Feed['subscription'], lane: LaneIndex): number {
  if (batch === undefined || lane === 0 || queue.ledger.queued >= batch.maxEvents) return 0
  return batch.maxMs
}
