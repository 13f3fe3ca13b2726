import { LANES, type Lane } from '@tidegate/protocol'
import { Rights } from '../../src/access/index.ts'
import { LOG_START, type LogEntry } from '../../src/bus/index.ts'
import { relieve } from '../../src/delivery/budget-relief.ts'
import { Cohorts } from '../../src/delivery/cohort/cohorts.ts'
import type { LogStart } from '../../src/delivery/log/log-start.ts'
import type { PageReader } from '../../src/delivery/log/replayer.ts'
import type { Page } from '../../src/delivery/log/shared-pages.ts'
import { TopicTail } from '../../src/delivery/log/topic-tail.ts'
import { QUEUE_BOUNDS, type QueueBounds } from '../../src/delivery/queue/backlog.ts'
import { type NodeTotals, openTotals } from '../../src/delivery/queue/ledger.ts'
import { QueueBudget } from '../../src/delivery/queue/queue-budget.ts'
import { Subscriber } from '../../src/delivery/subscriber.ts'
import type { SubscriberContext } from '../../src/delivery/subscriber-context.ts'
import { isComplete, replayFrom, replayStart } from '../../src/delivery/subscription/start-marks.ts'
import type { Receiver } from '../../src/delivery/subscription/subscription.ts'
import { planSubscription, UNLIMITED } from '../../src/delivery/subscription/subscription-plan.ts'
import { TopicIndex } from '../../src/delivery/subscription/topic-index.ts'
import { Entry } from '../../src/delivery/wire/entry.ts'
import type { Flow } from '../../src/delivery/wire/flow.ts'
import type { Flushable } from '../../src/delivery/wire/flusher.ts'
import { noLimits } from '../support/limits.ts'
import { contractOf, recordBatch, type SimulatedSocket, type TestEvent } from './support.ts'

const NOBODY = { onDelivered() {}, onGap() {} }

export const TOPIC = 'a.x'
export const PARTITIONS = 2

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly id: string
  readonly key: string
  readonly partition: number
  readonly lane: Lane
  readonly at: string
}

function raise(_: unknown, error: unknown): never {
  throw error
}

/**
 * A delivery node over logs in memory, where the test decides when the tail reads, when a page read is asked and
 * answered, and when sessions flush.
 */
export class ModelNode {
  readonly logs: LogEntry[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly logged: LoggedEvent[] = []
  readonly tails: TopicTail[]
  readonly totals = openTotals()
  readonly budget: QueueBudget
  readonly sessions = new Set<Subscriber>()
  now = 1_000_000
  /** Whether the tail has just come back after an outage. */
  isCatchingUp = false
  /** By how much the wall clock was set back. */
  wallBehindMs = 0
  epoch = 'e1'
  trimmedTo = LOG_START
  readonly #index = new TopicIndex<Receiver>()
  readonly #cohorts: Cohorts
  readonly #hasCohorts: boolean
  readonly #requests: PageReader[] = []
  readonly #answers: (() => void)[] = []
  readonly #clock = { now: () => this.now - this.wallBehindMs, monotonic: () => this.now }
  readonly #due = new Set<Flushable>()
  #nextMs = 1_000_000

  /** @param queueBounds of a session, as its cohort knows them @param hasCohorts false: each session by itself */
  constructor(queueBytes = 100_000_000, { queueBounds = QUEUE_BOUNDS, hasCohorts = true } = {}) {
    this.budget = new QueueBudget(queueBytes)
    this.tails = this.logs.map(() => new TopicTail(LOG_START, this.epoch))
    this.#hasCohorts = hasCohorts
    this.#cohorts = new Cohorts({
      index: this.#index,
      flusher: { schedule: (session) => this.#due.add(session) },
      clock: this.#clock,
      observer: NOBODY,
      budget: this.budget,
      queueBounds,
      totals: this.totals,
      tailOf: (_topic, partition) => this.tails[partition],
      relieve: () => relieve(this.budget, this.sessions),
    })
  }

  /** As metrics have it. */
  counted(): NodeTotals {
    return this.#cohorts.totals()
  }

  openSubscriber(
    socket: SimulatedSocket,
    flow: { windowBytes: number; mode: Flow['mode'] } = { windowBytes: 65_536, mode: 'buffered' },
    queueBounds: QueueBounds = QUEUE_BOUNDS,
    onScheduled: (withinMs: number) => void = () => {},
  ): Subscriber {
    const context: SubscriberContext = {
      socketMemory: { changed() {} },
      report: (_, error) => raise(undefined, error),
      observer: NOBODY,
      starter: {
        staysSame: () => true,
        plan: (frame) => planSubscription(frame, contractOf([TOPIC]), PARTITIONS, UNLIMITED, Rights.EVERYTHING),
        start: (_plan, from, _worker, begin) => {
          const heads = this.logs.map((log) => ({
            lastId: log.at(-1)?.streamId ?? LOG_START,
            trimmedTo: this.trimmedTo,
          }))
          const starts: LogStart[] = this.tails.map(({ start }, partition) =>
            from === 'now' || from === 'latest'
              ? start
              : replayStart(replayFrom(from, [TOPIC], []), TOPIC, partition, this.epoch, heads[partition]!),
          )
          const recovered = starts.every((start, partition) => isComplete(start, heads[partition]!))
          begin({ ok: true, starts: new Map([[TOPIC, starts]]), recovered, snapshot: false })
        },
        release: () => {},
      },
      index: this.#index,
      snapshots: { read: () => {} },
      resultLaneOf: () => 1,
      replayer: { request: (reader) => this.#requests.push(reader) },
      flusher: {
        schedule: (session, withinMs = 0) => {
          this.#due.add(session)
          onScheduled(withinMs)
        },
      },
      cohorts: this.#hasCohorts ? this.#cohorts : { seek: () => {}, leave: () => {}, forget: () => {} },
      clock: this.#clock,
      totals: this.totals,
      queueBounds,
      budget: this.budget,
      onBudgetExceeded: () => this.#cohorts.onBudgetExceeded(),
      tailOf: (_topic, partition) => this.tails[partition],
      sureTailOf: (_topic, partition) => this.tails[partition],
      onClosed: (session: Subscriber) => {
        this.#due.delete(session)
        this.sessions.delete(session)
      },
    }
    const session = new Subscriber(
      socket,
      { name: `s-${this.sessions.size}`, rights: Rights.EVERYTHING, limits: noLimits(), lowWaterShare: 0.25, ...flow },
      context,
    )
    this.sessions.add(session)
    return session
  }

  append(partition: number, events: readonly TestEvent[], streamId = `${this.#nextMs++}-0`): void {
    const { header, payload } = recordBatch(events)
    const { epoch } = this
    this.logs[partition]!.push({
      topic: TOPIC,
      streamId,
      epoch,
      header,
      payload,
      refused: undefined,
      watermark: undefined,
    })
    events.forEach(({ id, key = 'k', lane = 'normal' }, index) => {
      this.logged.push({ id, key, partition, lane, at: `${partition}@${epoch}/${streamId}.${index}` })
    })
  }

  /** The tails begin anew, with empty rings, as far behind their logs' ends as entries are given. */
  reopenTails(entriesBehind = 0): void {
    this.logs.forEach((log, partition) => {
      this.tails[partition] = new TopicTail(log.at(-1 - entriesBehind)?.streamId ?? LOG_START, this.epoch)
    })
  }

  /** The tail reads up to `count` entries. */
  tail(partition: number, count = Number.POSITIVE_INFINITY): void {
    const tail = this.tails[partition]!
    const log = this.logs[partition]!
    const next = log.findIndex((raw) => raw.streamId === tail.cursor) + 1
    for (const raw of log.slice(next, next + count)) {
      const entry = new Entry(partition, raw)
      const offeredTo = new Set<Receiver>()
      tail.push(entry)
      this.#cohorts.route(entry, this.isCatchingUp, () =>
        this.#index.route(
          entry,
          (subscription, lane, picks) => {
            subscription.offer(lane, entry, picks)
            offeredTo.add(subscription)
          },
          raise,
        ),
      )
      if (!this.isCatchingUp) continue
      for (const each of offeredTo) each.caughtUpTo(entry)
    }
  }

  /** Redis reads a page for the oldest request; the answer waits for `answerPage`. */
  readPage(): void {
    const reader = this.#requests.shift()
    const next = reader?.nextPage()
    if (reader === undefined || next === undefined) return
    const { partition, from, entries: count } = next
    const [ms] = from.split('-').map(Number)
    const entries = this.logs[partition]!.filter((raw) => Number(raw.streamId.split('-')[0]) >= ms!)
      .slice(0, count)
      .map((raw) => new Entry(partition, raw))
    const tailCursor = this.tails[partition]!.cursor
    const page: Page = { entries, trimmedTo: this.trimmedTo, isLast: entries.length < count, tailCursor }
    this.#answers.push(() => next.onPage(page))
  }

  answerPage(): void {
    this.#answers.shift()?.()
  }

  flush(): void {
    const due = [...this.#due]
    this.#due.clear()
    for (const session of due) if (session.flush()) this.#due.add(session)
  }

  /** Lets everything happen until nothing is left to do, with a client that confirms at once. */
  settle(session: Subscriber, socket: SimulatedSocket): void {
    this.settleAll([{ session, socket }])
  }

  /** The same with several clients. */
  settleAll(clients: readonly { readonly session: Subscriber; readonly socket: SimulatedSocket }[]): void {
    for (const { socket } of clients) socket.release()
    const written = () => clients.reduce((sum, { socket }) => sum + socket.bytes, 0)
    for (let round = 0; round < 10_000; round++) {
      this.now += 20
      for (let partition = 0; partition < PARTITIONS; partition++) this.tail(partition)
      this.readPage()
      this.answerPage()
      const before = written()
      for (const { session, socket } of clients) session.credit(socket.bytes)
      this.flush()
      const idle = this.#requests.length + this.#answers.length + this.#due.size === 0 && written() === before
      if (idle && clients.every(({ session }) => session.replayingFeeds === 0)) return
    }
    throw new Error('the node does not come to rest')
  }

  /** Trims everything up to and including an entry. */
  trim(streamId: string): void {
    this.trimmedTo = streamId
    for (const log of this.logs) {
      const keep = log.findIndex((raw) => Number(raw.streamId.split('-')[0]) > Number(streamId.split('-')[0]))
      log.splice(0, keep < 0 ? log.length : keep)
    }
  }
}

/** Orders positions of one partition by their place in the log. */
export function logOrder(node: ModelNode): ReadonlyMap<string, number> {
  return new Map(node.logged.map((event, place) => [event.at, place]))
}

export const laneOf = (n: number): Lane => LANES[n % LANES.length]!
