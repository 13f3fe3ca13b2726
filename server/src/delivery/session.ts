import { CLOSE, type ErrorCode, LIMITS, type OnSlow, RETRYABLE, type ServerFrame } from '@tidegate/protocol'
import { BatchFrameBuilder, type Take } from './batch-frame.ts'
import type { DeliverySession, DeliverySocket } from './delivery-socket.ts'
import type { Picks } from './encoded-events.ts'
import type { Entry, LaneIndex } from './entry.ts'
import type { Feed, FeedOwner } from './feed.ts'
import {
  bytesInFlight,
  type Flow,
  type FlowEvent,
  isNearlyIdle,
  isWaitingForCredit,
  openFlow,
  stepFlow,
} from './flow.ts'
import type { Flushable, Flusher } from './flusher.ts'
import { FramePlanner } from './frame-plan.ts'
import { gapFrame } from './gap.ts'
import type { NodeTotals } from './ledger.ts'
import type { Mark } from './mark.ts'
import { collectProgress } from './progress.ts'
import type { Replayer } from './replayer.ts'
import { type QueueBounds, SessionQueue } from './session-queue.ts'
import { SessionReplay } from './session-replay.ts'
import { VectorBuilder } from './start-marks.ts'
import { type EventSink, Subscription } from './subscription.ts'
import type { SubscribeFrame } from './subscription-plan.ts'
import type { Starts, SubscriptionStarter } from './subscription-starter.ts'
import type { TopicIndex } from './topic-index.ts'
import type { TopicTail } from './topic-tail.ts'

/** Largest batch frame. */
const MAX_FRAME_BYTES = 65_536
/**
 * And of the window: the client confirms whole frames, so that with one frame in flight a high event would wait for all of
 * it before it is written, and then for all of its own.
 */
const MAX_FRAME_SHARE = 0.25
/**
 * Of the window, what the high lane may write while the session is congested, in one congestion: it need not wait for the
 * low-water mark, and the others still get their turn.
 */
const HIGH_RESERVE_SHARE = 0.25
/** When a client closed for slowness should come back. */
const TOO_SLOW_RETRY_MS = 1_000
const ON_SLOW: OnSlow = 'drop-oldest'

/** Frames are built one at a time and copied when sent: one buffer serves all sessions. */
const frames = new BatchFrameBuilder()

/** What the sessions of a node share. */
export interface SessionContext {
  readonly starter: Pick<SubscriptionStarter, 'plan' | 'start' | 'release'>
  readonly index: TopicIndex<Subscription>
  readonly replayer: Pick<Replayer, 'request'>
  readonly flusher: Pick<Flusher, 'schedule'>
  readonly totals: NodeTotals
  readonly queueBounds: QueueBounds
  tailOf(topic: string, partition: number): TopicTail | undefined
  onClosed(session: Session): void
}

/** One connected client: its subscriptions, what is queued for it, and how much may be written to it now. */
export class Session implements DeliverySession, Flushable, EventSink {
  readonly #socket: DeliverySocket
  readonly #context: SessionContext
  readonly #queue: SessionQueue
  readonly #replay: SessionReplay
  readonly #planner = new FramePlanner()
  readonly #subscriptions = new Map<number, Subscription>()
  #flow: Flow
  #highReserve = 0
  #closed = false

  constructor(socket: DeliverySocket, flow: { windowBytes: number; mode: Flow['mode'] }, context: SessionContext) {
    this.#socket = socket
    this.#context = context
    this.#flow = openFlow(flow.windowBytes, flow.mode)
    this.#queue = new SessionQueue(context.queueBounds, context.totals)
    this.#replay = new SessionReplay(
      this.#queue,
      context.replayer,
      (feed) => context.tailOf(feed.topic, feed.partition),
      () => this.#offered(),
    )
  }

  get subscriptions(): ReadonlyMap<number, Subscription> {
    return this.#subscriptions
  }

  get replayingFeeds(): number {
    return this.#replay.feeds
  }

  subscribe(frame: SubscribeFrame): void {
    if (this.#closed) return
    const { starter } = this.#context
    const { sub } = frame
    if (this.#subscriptions.has(sub)) {
      this.#refuse(sub, 'unsupported', 'changing a subscription is not served by this version; unsubscribe first')
      return
    }
    if (this.#subscriptions.size >= LIMITS.subscriptions) {
      this.#refuse(sub, 'too_many_subscriptions', `at most ${LIMITS.subscriptions} per session`)
      return
    }
    const result = starter.plan(frame)
    if (!result.ok) {
      this.#refuse(sub, result.code, result.message)
      return
    }
    const subscription = new Subscription(result.plan, this)
    this.#subscriptions.set(sub, subscription)
    starter.start(subscription.plan, result.from, (starts) => {
      if (this.#subscriptions.get(sub) !== subscription) return
      if (starts.ok) this.#begin(subscription, starts)
      else {
        this.#remove(subscription)
        this.#refuse(sub, 'unavailable', starts.message)
      }
    })
  }

  unsubscribe(sub: number): void {
    if (this.#closed) return
    const subscription = this.#subscriptions.get(sub)
    if (subscription === undefined) {
      this.#refuse(sub, 'unknown_subscription', `no subscription ${sub}`)
      return
    }
    this.#remove(subscription)
    this.#send({ type: 'unsubscribed', sub, code: 'ok' })
  }

  credit(bytes: number): void {
    this.#stepFlow({ type: 'credited', bytes })
  }

  drained(): void {
    this.#stepFlow({ type: 'checked' })
  }

  sendControl(frame: object): void {
    if (this.#closed) return
    // Control frames cannot be sent again later: what they answer would stay unanswered.
    if (!this.#write(Buffer.from(JSON.stringify(frame)))) this.#end()
  }

  /** Events for a live feed, from the turn in which the tail read them. */
  offer(feed: Feed, lane: LaneIndex, entry: Entry, picks: Picks): void {
    if (feed.state.kind !== 'live') return
    this.#queue.offer(feed, lane, entry, picks)
    this.#offered(waitMs(feed.subscription, lane))
  }

  /** The log was trimmed before this node's tail had read it up to `upTo`. */
  tellTrimmed(topic: string, partition: number, upTo: Mark): void {
    for (const subscription of this.#subscriptions.values()) {
      const feed = subscription.feed(topic, partition)
      if (feed?.state.kind !== 'live') continue
      for (const lane of feed.openLanes()) this.#queue.tellTrimmed(lane, upTo)
      this.#offered()
    }
  }

  flush(): boolean {
    if (this.#closed) return false
    this.#flow = stepFlow(this.#flow, { type: 'checked' }, this.#socket.bufferedBytes())
    if (this.#flow.state === 'open') this.#highReserve = this.#flow.windowBytes * HIGH_RESERVE_SHARE
    while (this.#flow.state === 'open' && this.#writeNext()) {}
    // Without credit congestion means that the socket itself takes no more.
    while (this.#flow.state === 'congested' && this.#flow.mode === 'credit' && this.#writeHigh()) {}
    this.#replay.pump()
    if (this.#closed || this.#queue.isEmpty) return false
    this.#queue.copyOutSparse()
    return !isWaitingForCredit(this.#flow, this.#socket.bufferedBytes())
  }

  /** Tells the client how far its quiet subscriptions are. To be called about once per `PROGRESS_MS`. */
  progress(): void {
    for (const subscription of this.#subscriptions.values()) {
      if (this.#closed || this.#flow.state !== 'open') return
      const positions = collectProgress(subscription, this.#queue, this.#context.tailOf)
      if (positions !== undefined) this.#send({ type: 'progress', sub: subscription.plan.sub, positions })
    }
    if (!this.#queue.isEmpty) this.#context.flusher.schedule(this)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const subscription of this.#subscriptions.values()) this.#remove(subscription)
    this.#context.onClosed(this)
  }

  #begin(subscription: Subscription, { starts, recovered }: Extract<Starts, { ok: true }>): void {
    const positions = new VectorBuilder()
    for (const [topic, feedStarts] of starts) subscription.addFeeds(topic, feedStarts)
    const feeds = [...subscription.feeds()]
    for (const feed of feeds) {
      for (const lane of feed.openLanes()) positions.add(feed, lane.lane, lane.start)
    }
    this.#send({
      type: 'subscribed',
      sub: subscription.plan.sub,
      positions: positions.build(),
      recovered,
      onSlow: ON_SLOW,
    })
    if (this.#closed) return
    this.#context.index.add(subscription)
    this.#replay.add(feeds)
  }

  #remove(subscription: Subscription): void {
    const { index, starter } = this.#context
    const isItsOwn = (feed: Feed) => feed.subscription === subscription
    this.#subscriptions.delete(subscription.plan.sub)
    index.remove(subscription)
    this.#replay.forget(isItsOwn)
    this.#queue.forget(isItsOwn)
    starter.release(subscription.plan)
  }

  #offered(withinMs = 0): void {
    if (this.#closed) return
    if (this.#queue.enforceBounds()) this.#context.flusher.schedule(this, withinMs)
    else this.#end()
  }

  #stepFlow(event: FlowEvent): void {
    if (this.#closed) return
    this.#flow = stepFlow(this.#flow, event, this.#socket.bufferedBytes())
    if (this.#flow.state === 'open' && !this.#queue.isEmpty) this.#context.flusher.schedule(this)
  }

  /** Writes the next gap or batch frame. False when there is nothing to write, or no room for it. */
  #writeNext(): boolean {
    const due = this.#queue.dueGap()
    if (due !== undefined) {
      if (!this.#write(Buffer.from(JSON.stringify(gapFrame(due.gap))))) return false
      due.queue.dueGapTold()
      return true
    }
    const buffered = this.#socket.bufferedBytes()
    const free = this.#flow.windowBytes - bytesInFlight(this.#flow, buffered)
    const takes = this.#planner.plan(
      this.#queue.lanes,
      Math.min(free, MAX_FRAME_BYTES, this.#flow.windowBytes * MAX_FRAME_SHARE),
      isNearlyIdle(this.#flow, buffered),
    )
    if (takes.length === 0) {
      if (!this.#queue.isEmpty) this.#flow = stepFlow(this.#flow, { type: 'blocked' }, buffered)
      return false
    }
    return this.#writeBatch(takes) !== undefined
  }

  /** Writes high events past the others' high-water mark. False when there are none, or too many. */
  #writeHigh(): boolean {
    const { lanes } = this.#queue
    if (lanes[0].isEmpty || lanes[0].dueGap() !== undefined) return false
    const takes = this.#planner.planHigh(lanes, Math.min(this.#highReserve, MAX_FRAME_BYTES))
    const bytes = takes.length > 0 ? this.#writeBatch(takes) : undefined
    if (bytes === undefined) return false
    this.#highReserve -= bytes
    return true
  }

  /** Returns the bytes of the frame, or nothing when the socket dropped it. */
  #writeBatch(takes: readonly Take[]): number | undefined {
    const frame = frames.build(takes)
    if (!this.#write(frame)) return undefined
    for (const { run, to, bytes } of takes) this.#queue.delivered(run, to, bytes)
    return frame.length
  }

  /** Hands a frame to the socket. False: it was dropped, and nothing more goes until the socket has drained. */
  #write(frame: Buffer): boolean {
    const dropped = this.#socket.send(frame) === 'dropped'
    const event: FlowEvent = dropped ? { type: 'blocked' } : { type: 'wrote', bytes: frame.length }
    this.#flow = stepFlow(this.#flow, event, this.#socket.bufferedBytes())
    return !dropped
  }

  #send(frame: ServerFrame): void {
    this.sendControl(frame)
  }

  #refuse(sub: number, code: ErrorCode, message: string): void {
    this.#send({ type: 'error', sub, code, message, retryable: RETRYABLE.has(code) })
  }

  #end(): void {
    this.close()
    this.#socket.close(CLOSE.tooSlow, JSON.stringify({ retryAfterMs: TOO_SLOW_RETRY_MS }))
  }
}

/** How long an event that was just queued may wait for company. High never waits. */
function waitMs({ plan: { batch }, ledger }: FeedOwner, lane: LaneIndex): number {
  if (batch === undefined || lane === 0 || ledger.queued >= batch.maxEvents) return 0
  return batch.maxMs
}
