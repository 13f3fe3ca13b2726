import { LANES } from '@tidegate/protocol'
import type { Rights } from '../access/index.ts'
import type { Bus, KnownEntry } from '../bus/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Contract, hasLatest } from '../config/contract/model.ts'
import { PacedWork } from '../limits/index.ts'
import { LoopTurn } from '../loop-turn.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'
import type { PresenceSeat } from '../presence/index.ts'
import type { Spans } from '../tracing/index.ts'
import { relieve } from './budget-relief.ts'
import { Cohorts } from './cohort/index.ts'
import { withDeliverySpans } from './delivery-spans.ts'
import type { DeliverySubscriber } from './delivery-subscriber.ts'
import {
  type Examine,
  type Loss,
  type OnCorrupt,
  Replayer,
  SharedHeads,
  SnapshotReader,
  type TailState,
  Tails,
  type TopicTail,
} from './log/index.ts'
import { type LaneTotals, openTotals, QUEUE_BOUNDS, QueueBudget } from './queue/index.ts'
import { type SlowSubscriber, slowestSubscribers } from './slow-subscribers.ts'
import { relieveSockets, SocketMemory } from './socket-memory.ts'
import { Subscriber } from './subscriber.ts'
import type { SubscriberContext } from './subscriber-context.ts'
import {
  type PolicyLimits,
  PROGRESS_MS,
  type Receiver,
  type SubscriptionLimits,
  SubscriptionStarter,
  TopicIndex,
} from './subscription/index.ts'
import {
  arrivalOf,
  type DeliveryObserver,
  type DeliverySocket,
  type Entry,
  Flusher,
  type LaneIndex,
  type StoreTimes,
  TracedEvents,
} from './wire/index.ts'

/** How long `start` waits for Redis. */
const START_DEADLINE_MS = 5_000
/** Subscribers report progress in turns, so that the frames of a large node are spread over time. */
const PROGRESS_TURNS = 10

const NO_TIMES: StoreTimes = { of: () => ({ monotonicAt: () => undefined }) }
const NOBODY: DeliveryObserver = { onDelivered() {}, onGap() {} }

/** What all subscribers and their queues share. */
export interface DeliveryLimits extends PolicyLimits {
  /** Window in flight of a client that names none. */
  readonly windowBytes: number
  /** Share of the window in flight below which a congested session resumes. */
  readonly lowWaterShare: number
  /** Memory of all queues of the node. */
  readonly queueBytes: number
}

export interface DeliveryOptions {
  readonly bus: Bus
  readonly contract: Contract
  readonly limits: DeliveryLimits
  /** What may wait for all sockets together; absent: no bound. */
  readonly unreadBytes?: number | undefined
  readonly examine: Examine
  readonly report: ReportDefect
  readonly clock?: Clock
  /** Shared with what else is done for clients. */
  readonly loopTurn?: LoopTurn
  /** Absent: nobody wants to know how long events take. */
  readonly storeTimes?: StoreTimes
  readonly observer?: DeliveryObserver
  /** Absent: nobody records traces. */
  readonly spans?: Spans | undefined
}

export interface DeliveryStats {
  readonly sessions: number
  readonly subscriptions: number
  /** Feeds (one per subscription, topic and partition) that still read the log. */
  readonly replayingFeeds: number
  readonly lanes: Readonly<Record<'high' | 'normal' | 'low', Readonly<LaneTotals>>>
  /** Memory of all queues; an entry in several queues counts once. */
  readonly queueBytes: number
  readonly maxQueueBytes: number
  /** Written to sockets, and taken by none yet. */
  readonly unreadBytes: number
  readonly congestedSessions: number
  /** Pages of logs kept for the replays of the next seconds. */
  readonly replayPageBytes: number
}

/** Delivery of one gateway process: tails the logs for all its subscribers. */
export class Delivery {
  readonly #limits: DeliveryLimits
  readonly #clock: Clock
  readonly #storeTimes: StoreTimes
  readonly #isTraced: boolean
  readonly #tails: Tails
  readonly #replayer: Replayer
  readonly #snapshots: SnapshotReader
  readonly #flusher: Flusher
  readonly #work: PacedWork
  readonly #context: SubscriberContext
  readonly #totals = openTotals()
  readonly #socketMemory: SocketMemory
  #relief: NodeJS.Immediate | undefined
  readonly #index = new TopicIndex<Receiver>()
  readonly #cohorts: Cohorts
  readonly #subscribers = new Map<Subscriber, number>()
  #opened = 0
  #progressTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: DeliveryOptions) {
    const {
      bus,
      contract,
      limits,
      unreadBytes = Number.POSITIVE_INFINITY,
      examine,
      report,
      clock = systemClock,
      loopTurn = new LoopTurn(clock),
      storeTimes = NO_TIMES,
      spans,
    } = options
    const observing = options.observer ?? NOBODY
    const observer = spans === undefined ? observing : withDeliverySpans(observing, spans)
    this.#isTraced = spans !== undefined
    this.#limits = limits
    this.#clock = clock
    this.#storeTimes = storeTimes
    const budget = new QueueBudget(limits.queueBytes)
    this.#socketMemory = new SocketMemory(unreadBytes, () => this.#relieveSockets())
    const reportOnce = withoutRepeats(report)
    const onCorrupt: OnCorrupt = ({ topic, streamId }, partition, error) =>
      reportOnce(`record batch ${streamId} of ${topic} in partition ${partition}`, error)
    const retentionMs = Math.min(...[...contract.topics.values()].map((topic) => topic.retentionMs))
    this.#tails = new Tails(bus, retentionMs, examine, clock, {
      onCorrupt,
      onEntry: (entry) => this.#route(entry),
      onTrimmed: (topic, partition, tail) => this.#reportTrimmed(topic, partition, tail),
      onLost: (topic, partition, loss) => this.#reportLost(topic, partition, loss),
    })
    this.#replayer = new Replayer(
      bus,
      clock,
      (topic, partition) => this.#tails.getSure(topic, partition)?.cursor,
      onCorrupt,
      loopTurn,
    )
    this.#snapshots = new SnapshotReader(bus, contract.topics, clock, loopTurn)
    this.#flusher = new Flusher(clock, loopTurn)
    this.#work = new PacedWork(clock, loopTurn)
    const tailOf = (topic: string, partition: number) => this.#tails.get(topic, partition)
    this.#cohorts = new Cohorts({
      index: this.#index,
      flusher: this.#flusher,
      clock,
      observer,
      budget,
      queueBounds: QUEUE_BOUNDS,
      tailOf,
      totals: this.#totals,
      relieve: () => relieve(budget, this.#subscribers.keys()),
    })
    this.#context = {
      starter: new SubscriptionStarter(contract, limits, this.#tails, new SharedHeads(bus, clock), examine, this.#work),
      index: this.#index,
      cohorts: this.#cohorts,
      replayer: this.#replayer,
      snapshots: this.#snapshots,
      flusher: this.#flusher,
      clock,
      report,
      observer,
      totals: this.#totals,
      queueBounds: QUEUE_BOUNDS,
      budget,
      socketMemory: this.#socketMemory,
      onBudgetExceeded: () => this.#cohorts.onBudgetExceeded(),
      resultLaneOf: (topic) => resultLane(contract, topic),
      tailOf,
      sureTailOf: (topic, partition) => this.#tails.getSure(topic, partition),
      onClosed: (subscriber: Subscriber) => this.#subscribers.delete(subscriber),
    }
  }

  /** @throws when Redis is not reachable */
  async start(): Promise<void> {
    await this.#tails.start(START_DEADLINE_MS)
    let turn = 0
    this.#progressTimer = setInterval(() => {
      turn = (turn + 1) % PROGRESS_TURNS
      for (const [subscriber, ordinal] of this.#subscribers)
        if (ordinal % PROGRESS_TURNS === turn) subscriber.progress()
    }, PROGRESS_MS / PROGRESS_TURNS)
  }

  /** Flushes what may still be sent and stops reading. The caller closes the sockets. */
  close(options: { deadlineMs: number }): Promise<void> {
    this.#closing ??= this.#close(options.deadlineMs)
    return this.#closing
  }

  /**
   * @param options.windowBytes from the client's hello: bytes that may be in flight, and a promise to send credit.
   *   Absent: the default window, measured by the socket's buffer until a first credit arrives.
   */
  openSubscriber(
    socket: DeliverySocket,
    options: {
      name: string
      rights: Rights
      limits: SubscriptionLimits
      seat?: PresenceSeat | undefined
      windowBytes?: number | undefined
    },
  ): DeliverySubscriber {
    const { name, rights, limits, seat, windowBytes } = options
    const { lowWaterShare } = this.#limits
    const mode = windowBytes === undefined ? 'buffered' : 'credit'
    const subscriber = new Subscriber(
      socket,
      { name, rights, limits, seat, windowBytes: windowBytes ?? this.#limits.windowBytes, lowWaterShare, mode },
      this.#context,
    )
    this.#subscribers.set(subscriber, this.#opened++)
    return subscriber
  }

  /** Used share of the memory for waiting events; above 1 it is over budget. */
  get queueShare(): number {
    return this.#context.budget.usedBytes / this.#limits.queueBytes
  }

  tailState(): TailState[] {
    return this.#tails.states()
  }

  /** The newest entry read of each tailed topic, for the proof that a log is still the same. */
  lastTailed(partition: number): KnownEntry[] {
    return this.#tails.newestSeen(partition)
  }

  stats(): DeliveryStats {
    let subscriptions = 0
    let replayingFeeds = 0
    let congestedSessions = 0
    for (const subscriber of this.#subscribers.keys()) {
      if (subscriber.outlet.congestedSince !== undefined) congestedSessions++
      subscriptions += subscriber.subscriptions.size
      replayingFeeds += subscriber.replayingFeeds
    }
    const [high, normal, low] = this.#cohorts.totals()
    return {
      sessions: this.#subscribers.size,
      subscriptions,
      replayingFeeds,
      lanes: { high, normal, low },
      queueBytes: this.#context.budget.usedBytes,
      maxQueueBytes: this.#limits.queueBytes,
      unreadBytes: this.#socketMemory.usedBytes,
      congestedSessions,
      replayPageBytes: this.#replayer.keptBytes,
    }
  }

  /** The subscribers with the most waiting bytes. */
  slowest(count: number): SlowSubscriber[] {
    return slowestSubscribers(this.#subscribers.keys(), count, this.#clock.monotonic())
  }

  #route(entry: Entry): void {
    const isCatchingUp = this.#tails.isCatchingUp(entry.partition)
    entry.arrival = arrivalOf(entry, this.#storeTimes.of(entry.partition))
    if (this.#isTraced && entry.arrival !== undefined) {
      entry.arrival = { ...entry.arrival, traced: TracedEvents.of(entry) }
    }
    this.#cohorts.route(entry, isCatchingUp, () => this.#offer(entry, isCatchingUp))
    entry.arrival = undefined
  }

  #offer(entry: Entry, isCatchingUp: boolean): void {
    const offeredTo = isCatchingUp ? new Set<Receiver>() : undefined
    this.#index.route(
      entry,
      (subscription, lane, picks) => {
        subscription.offer(lane, entry, picks)
        offeredTo?.add(subscription)
      },
      (subscription, error) => subscription.sink.fail(`an event of ${entry.topic}`, error),
    )
    for (const subscription of offeredTo ?? []) subscription.caughtUpTo(entry)
  }

  /** Not in the middle of a write. */
  #relieveSockets(): void {
    this.#relief ??= setImmediate(() => {
      this.#relief = undefined
      relieveSockets(this.#socketMemory, this.#subscribers.keys())
    })
  }

  #reportTrimmed(topic: string, partition: number, tail: TopicTail): void {
    for (const subscriber of this.#subscribers.keys()) subscriber.reportTrimmed(topic, partition, tail.mark)
  }

  #reportLost(topic: string, partition: number, loss: Loss): void {
    this.#replayer.forget(topic, partition)
    for (const subscriber of this.#subscribers.keys()) subscriber.reportLost(topic, partition, loss)
  }

  async #close(deadlineMs: number): Promise<void> {
    clearInterval(this.#progressTimer)
    clearImmediate(this.#relief)
    this.#replayer.close()
    this.#snapshots.close()
    this.#work.close()
    this.#flusher.close()
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref())
    await Promise.race([this.#tails.close(), deadline])
    this.#cohorts.dissolveAll()
    for (const subscriber of [...this.#subscribers.keys()]) {
      subscriber.flush()
      subscriber.close()
    }
  }
}

function resultLane({ topics }: Contract, name: string): LaneIndex {
  const topic = topics.get(name)
  if (!hasLatest(topic)) throw new Error(`${name} has no latest results`)
  return LANES.indexOf(topic.lane) as LaneIndex
}
