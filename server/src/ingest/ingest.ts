import { randomBytes } from 'node:crypto'
import { didYouMean, ERROR_CODES, type LogEpoch, type RejectedEvent } from '@tidegate/protocol'
import { allowsKey, type KeyScope, type Rights } from '../access/index.ts'
import {
  type Bus,
  type EndOfInput,
  type KnownEntry,
  PayloadBuffers,
  partitionOf,
  type SliceEvents,
  type StoredEvent,
} from '../bus/index.ts'
import type { WallClock } from '../clock.ts'
import type { Contract, SourceTopic } from '../config/contract/model.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { quoted } from '../quoted.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { Spans } from '../tracing/index.ts'
import { AppendPace } from './append-pace.ts'
import { appendSpan } from './append-span.ts'
import { longestWaitMs } from './append-wait.ts'
import { checksumOf, checksumOfBytes } from './content.ts'
import type { EventTraces } from './event-traces.ts'
import { type AppendObserver, PartitionAppender, type Slice } from './partition-appender.ts'
import { isStored, PartitionLog, type PartitionLogOptions, type SliceOutcome } from './partition-log.ts'
import { type FrameIdentity, PendingFrame } from './pending-frame.ts'
import { type PublishOutcome, type PublishRejection, reject, type StoreOutcome } from './publish-outcome.ts'
import { FrameScanner, type ScannedFrame } from './scan/frame-scanner.ts'
import type { ScanPace } from './scan/scan-pace.ts'
import { ScannedEvents } from './scan/scanned-events.ts'
import { Sequences } from './sequences.ts'
import { rejectionOf } from './slice-rejection.ts'
import { type RefusedBefore, type RefusedEvent, validateFrame } from './validate.ts'

/** One frame: from a WebSocket `publish`, or the events of one topic of an HTTP request. */
export interface PublishRequest {
  readonly topic: string
  readonly events: readonly unknown[] | ScannedEvents
  /** Input of the topic ends behind the events, in every partition. */
  readonly end?: EndOfInput | undefined
  /** Of whoever sends it. */
  readonly rights: Rights
  /** Says why events of these keys may not be stored now. */
  readonly admit?: AdmitKeys
  /** Without it every attempt is stored: at least once. */
  readonly producer?: FrameIdentity
  /** The content by which attempts are compared; that of the events themselves where absent. */
  readonly content?: string | undefined
  /** Events refused at the first attempt: they are refused again, whatever the rules say now. */
  readonly refusedBefore?: RefusedBefore | undefined
  /** Where the events come from. No part of the content. */
  readonly traces?: EventTraces | undefined
}

export type AdmitKeys = (
  keys: () => Iterable<string>,
) => { readonly message: string; readonly retryAfterMs: number | undefined } | undefined

/** What an event of the server itself is to be stored behind. */
export type StoreOrder = Pick<Slice, 'epoch' | 'overtakes'>

/** A request of several frames, whose content is fixed before any of it is stored. */
export interface RequestMark {
  readonly producer: FrameIdentity
  readonly content: string
  /** Events of the whole request that are refused. */
  readonly refused: readonly RejectedEvent[]
}

export interface IngestOptions extends Pick<PartitionLogOptions, 'known' | 'limits'>, AppendObserver {
  readonly bus: Bus
  readonly contract: Contract
  readonly clock: WallClock
  readonly report: ReportDefect
  readonly replicas?: number
  /** Whether Redis persists what it stores; while it may not, nothing is accepted. */
  readonly isKept?: () => boolean
  /** Whether Redis is so full that the rest is reserved for commands that free memory. */
  readonly isFull?: () => boolean
  readonly onNewEpoch?: PartitionLogOptions['onNewEpoch']
  /** Absent: nobody records traces. */
  readonly spans?: Spans | undefined
}

/** Accepts frames from the gateway and answers each exactly once. */
export class Ingest {
  readonly #contract: Contract
  readonly #clock: WallClock
  readonly #report: ReportDefect
  readonly #bus: Bus
  readonly #isKept: () => boolean
  readonly #isFull: () => boolean
  readonly #logs: readonly PartitionLog[]
  readonly #appenders: readonly PartitionAppender[]
  readonly #sequences: Sequences
  readonly #scanner: FrameScanner
  readonly #spans: Spans | undefined
  readonly #idPrefix = randomBytes(6).toString('base64url')
  #idCount = 0

  constructor(options: IngestOptions) {
    const logOptions = { replicas: 0, onNewEpoch: () => {}, ...options }
    this.#contract = options.contract
    this.#clock = options.clock
    this.#report = options.report
    this.#bus = options.bus
    this.#isKept = options.isKept ?? (() => true)
    this.#isFull = options.isFull ?? (() => false)
    this.#spans = options.spans
    this.#scanner = new FrameScanner(options.contract, options.bus.partitions)
    this.#sequences = new Sequences(options.clock, (newest) => options.bus.raiseSequence(newest))
    this.#logs = Array.from(
      { length: options.bus.partitions },
      (_, partition) => new PartitionLog(options.bus.log(partition, 'append'), logOptions),
    )
    const pace = new AppendPace()
    const buffers = new PayloadBuffers()
    this.#appenders = this.#logs.map((log) => new PartitionAppender(log, options.report, pace, options, buffers))
  }

  /** MUST be awaited before anything is published. @throws BusUnavailable */
  start(): Promise<void> {
    return this.#sequences.start()
  }

  close(): void {
    this.#sequences.close()
  }

  get pendingBytes(): number {
    return this.#appenders.reduce((sum, appender) => sum + appender.pendingBytes, 0)
  }

  /** Longest append since the last call, ms, answered or still waiting: see `longestWaitMs`. */
  takeLongestAppendMs(): number {
    return longestWaitMs(this.#appenders.map((appender) => appender.takeWait()))
  }

  /** The present epochs of partitions in which anything was stored. */
  get epochs(): LogEpoch[] {
    return this.#logs.flatMap(({ epoch }, partition) => (epoch === undefined ? [] : [{ partition, epoch }]))
  }

  /** The present epoch of a partition, once this process knows it. */
  epochOf(partition: number): string | undefined {
    return this.#logs[partition]!.epoch
  }

  /** Records entries of a partition that a client knows: they are looked up before any of its frames is stored. */
  testify(partition: number, entries: readonly KnownEntry[]): void {
    this.#logs[partition]?.testify(entries)
  }

  /**
   * As above, and looks them up at once. When it resolves, the log has a new epoch if an entry of the present epoch is
   * gone.
   *
   * @returns the missing entries, of any epoch
   * @throws BusUnavailable
   */
  async examine(partition: number, entries: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    this.testify(partition, entries)
    const log = this.#logs[partition]
    await log?.examine()
    return log?.missing(entries) ?? []
  }

  /** A new sequence name, for a producer that restarts its count. */
  newSequence(): string {
    return this.#sequences.next()
  }

  /** Shows whether a partition can be written to, and that it is still the same log. @throws BusUnavailable, BusFull */
  canary(partition: number): Promise<void> {
    return this.#logs[partition]!.canary()
  }

  /** Resolves when every accepted frame is answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#appenders.map((appender) => appender.drain()))
  }

  /**
   * Reads a `publish` frame without parsing it, if it is one that can be read so.
   *
   * @returns what has to be published before the next call
   */
  scan(frame: Buffer, pace: ScanPace): ScannedFrame | undefined {
    return this.#scanner.scan(frame, pace)
  }

  /** @param answered is called exactly once, possibly before `publish` returns. */
  publish(request: PublishRequest, answered: (outcome: PublishOutcome) => void): void {
    const { producer, traces } = request
    const topic = this.#contract.topics.get(request.topic)
    const scope = request.rights.keys('publish', request.topic)
    if (topic === undefined || scope.kind === 'none')
      return answered(reject('unknown_topic', this.#unknownTopic(request)))
    const answer =
      this.#spans === undefined || traces === undefined
        ? answered
        : appendSpan(this.#spans, { topic: topic.name, events: request.events, traces }, answered)
    if (topic.kind !== 'source') return answer(reject('not_publishable'))
    // It would end the input of keys that others publish.
    if (request.end !== undefined && scope.kind !== 'all') return answer(reject('forbidden', ENDS_ALL_KEYS))
    if (this.#admits(producer, answer)) this.#append(topic, scope, request, answer)
  }

  #unknownTopic({ topic, rights }: PublishRequest): string {
    const publishable = [...this.#contract.topics.values()]
      .filter(({ kind, name }) => kind === 'source' && rights.covers('publish', name))
      .map(({ name }) => name)
    return `No topic ${quoted(topic)}.${didYouMean(topic, publishable) || ' GET /v1/topics lists them.'}`
  }

  /** The events that the topic's rules refuse now: all of them if the topic cannot be published to. */
  refusalsOf(topicName: string, events: readonly unknown[], rights: Rights): readonly RejectedEvent[] {
    const scope = rights.keys('publish', topicName)
    const topic = scope.kind === 'none' ? undefined : this.#contract.topics.get(topicName)
    if (topic?.kind === 'source') return this.#validate(topic, events, scope).refused.map(({ event }) => event)
    const code = topic === undefined ? 'unknown_topic' : 'not_publishable'
    return events.map((_, index) => ({ index, code, message: ERROR_CODES[code] }))
  }

  /**
   * Stores the producer and content of a request, so that no other request can take its place in any partition. The
   * answer lists the events refused at the first attempt.
   *
   * @param answer is called exactly once, possibly before `mark` returns.
   */
  mark({ producer, content, refused }: RequestMark, answer: (outcome: PublishOutcome) => void): void {
    if (!this.#admits(producer, answer)) return
    const partition = partitionOf(producer.state.id, this.#bus.partitions)
    const frame = new PendingFrame(1, [], producer, answer)
    this.#add(frame, { topic: '', partition, events: [], refused, checksum: checksumOf('', content) })
  }

  /**
   * Stores an event of the server itself in a log that clients do not publish to, without waiting for company.
   *
   * @param answer is called exactly once, possibly before `store` returns.
   */
  store(topic: string, event: StoredEvent, order: StoreOrder, answer: (outcome: StoreOutcome) => void): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) return answer(refusal)
    const frame = { resolve: (outcome: SliceOutcome) => answer(storeOutcome(outcome)) }
    const partition = partitionOf(event.key, this.#bus.partitions)
    const { epoch, overtakes } = order
    this.#appenders[partition]!.add({ topic, identity: undefined, epoch, overtakes, isUrgent: true, frame }, [event])
  }

  #admits(producer: FrameIdentity | undefined, answer: (outcome: PublishOutcome) => void): boolean {
    if (producer?.state.admits(producer.seq) === false) {
      answer(reject('out_of_order', undefined, 0))
      return false
    }
    const refusal = this.#refusal()
    if (refusal === undefined) return true
    producer?.state.failed(producer.seq)
    answer(refusal)
    return false
  }

  /** Why nothing is accepted now. */
  #refusal(): PublishRejection | undefined {
    const retryAfterMs = this.#bus.retryAfterMs('append')
    if (retryAfterMs > 0) return reject('unavailable', undefined, retryAfterMs)
    if (!this.#isKept()) return reject('unavailable', undefined, RETRY_AFTER_MS.storage)
    return this.#isFull() ? reject('storage_full', undefined, RETRY_AFTER_MS.storage) : undefined
  }

  #validate(
    topic: SourceTopic,
    events: readonly unknown[],
    scope: KeyScope,
    refusedBefore?: RefusedBefore,
    traces?: EventTraces,
  ) {
    const context = { now: this.#clock.now(), scope, nextId: this.#nextId, report: this.#report, traces }
    return validateFrame(topic, events, context, refusedBefore)
  }

  readonly #nextId = () => `${this.#idPrefix}${(this.#idCount++).toString(36)}`

  /** What is stored of a frame. */
  #judge(topic: SourceTopic, scope: KeyScope, request: PublishRequest): JudgedFrame {
    const { events, refusedBefore, traces } = request
    if (events instanceof ScannedEvents) {
      if (isAllowed(events, scope) && events.stamp(this.#clock.now(), this.#nextId)) {
        return { slices: events.slices(), refused: NONE_REFUSED, keys: () => events.allKeys() }
      }
      return this.#judge(topic, scope, { ...request, events: events.parsed() })
    }
    const { accepted, refused } = this.#validate(topic, events, scope, refusedBefore, traces)
    return { slices: this.#split(accepted), refused, keys: () => accepted.map(({ key }) => key) }
  }

  #append(
    topic: SourceTopic,
    scope: KeyScope,
    request: PublishRequest,
    answer: (outcome: PublishOutcome) => void,
  ): void {
    const { end, producer } = request
    const { slices: byPartition, refused, keys } = this.#judge(topic, scope, request)
    const over = request.admit?.(keys)
    if (over !== undefined) {
      producer?.state.failed(producer.seq)
      return answer(reject('rate_limited', over.message, over.retryAfterMs))
    }
    // With a producer, the partition of their key remembers that they were refused.
    const listed =
      producer === undefined || refused.length === 0 ? refused : refused.filter(({ key }) => key === undefined)
    const refusedByPartition = this.#splitRefused(producer === undefined ? [] : refused)
    for (const partition of refusedByPartition.keys()) {
      if (!byPartition.has(partition)) byPartition.set(partition, [])
    }
    if (end !== undefined) {
      for (let partition = 0; partition < this.#bus.partitions; partition++) {
        if (!byPartition.has(partition)) byPartition.set(partition, [])
      }
    }
    const rejected = listed.map(({ event }) => event)
    if (byPartition.size === 0) return answer({ kind: 'ack', at: [], rejected, duplicate: false })
    const checksum = producer && contentSum(topic.name, request)
    const frame = new PendingFrame(byPartition.size, rejected, producer, answer)
    for (const [partition, slice] of byPartition) {
      const refused = refusedByPartition.get(partition) ?? NONE
      this.#add(frame, { topic: topic.name, partition, events: slice, refused, checksum, end })
    }
  }

  #add(frame: PendingFrame, { topic, partition, events, refused, checksum, end }: FrameSlice): void {
    const identity = checksum === undefined ? undefined : frame.identify(partition, checksum, refused)
    const pending =
      refused.length === 0 ? frame : { resolve: (outcome: SliceOutcome) => frame.resolve(outcome, refused) }
    this.#appenders[partition]!.add({ topic, identity, frame: pending, end }, events)
  }

  #split(events: readonly StoredEvent[]): Map<number, SliceEvents> {
    const byPartition = new Map<number, StoredEvent[]>()
    for (const event of events) {
      const partition = partitionOf(event.key, this.#bus.partitions)
      const slice = byPartition.get(partition)
      if (slice === undefined) byPartition.set(partition, [event])
      else slice.push(event)
    }
    return byPartition
  }

  #splitRefused(events: readonly RefusedEvent[]): ReadonlyMap<number, RejectedEvent[]> {
    if (events.length === 0) return NONE_BY_PARTITION
    const byPartition = new Map<number, RejectedEvent[]>()
    for (const { key, event } of events) {
      if (key === undefined) continue
      const partition = partitionOf(key, this.#bus.partitions)
      const slice = byPartition.get(partition)
      if (slice === undefined) byPartition.set(partition, [event])
      else slice.push(event)
    }
    return byPartition
  }
}

const NONE: readonly RejectedEvent[] = []

const NONE_BY_PARTITION: ReadonlyMap<number, RejectedEvent[]> = new Map()

const ENDS_ALL_KEYS = 'Only a caller that may publish every key of a topic may end its input.'

const NONE_REFUSED: readonly RefusedEvent[] = []

interface JudgedFrame {
  readonly slices: Map<number, SliceEvents>
  readonly refused: readonly RefusedEvent[]
  readonly keys: () => Iterable<string>
}

function storeOutcome(outcome: SliceOutcome): StoreOutcome {
  return isStored(outcome) ? { kind: 'stored', epoch: outcome.epoch } : rejectionOf([outcome])
}

/** Whether a caller may publish all keys of a frame. */
function isAllowed(events: ScannedEvents, scope: KeyScope): boolean {
  if (scope.kind === 'all') return true
  for (const key of events.allKeys()) if (!allowsKey(scope, key)) return false
  return true
}

/** An end is part of the content: without it the same events are another frame. */
function contentSum(topic: string, { content, events, end }: PublishRequest): string {
  if (events instanceof ScannedEvents) return checksumOfBytes(topic, events.content, events.hasWide)
  const text = content ?? JSON.stringify(events)
  return checksumOf(topic, end === undefined ? text : `${text} ${JSON.stringify(end)}`)
}

/** The part of a frame that belongs to one partition. */
interface FrameSlice {
  readonly topic: string
  readonly partition: number
  readonly events: SliceEvents
  readonly refused: readonly RejectedEvent[]
  /** Absent without a producer. */
  readonly checksum: string | undefined
  readonly end?: EndOfInput | undefined
}
