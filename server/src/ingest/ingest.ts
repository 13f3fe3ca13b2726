import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ERROR_CODES, type ErrorCode, type LogEpoch, type RejectedEvent } from '@tidegate/protocol'
import { type Guard, type KnownEntry, partitionOf, type SliceIdentity } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { Contract, SourceTopic } from '../config/model.ts'
import { PartitionAppender } from './partition-appender.ts'
import { PartitionLog, type PartitionLogOptions, type SliceOutcome } from './partition-log.ts'
import type { Producer } from './producer.ts'
import { type AcceptedEvent, validateFrame } from './validate.ts'

/** One frame: from a WebSocket `publish`, or the events of one topic of an HTTP request. */
export interface PublishRequest {
  readonly topic: string
  readonly events: readonly unknown[]
  /** Without it every attempt is stored: at least once. */
  readonly producer?: { readonly state: Producer; readonly seq: number; readonly ageMs: number }
}

export type PublishOutcome =
  | {
      readonly kind: 'ack'
      readonly at: readonly string[]
      readonly rejected: readonly RejectedEvent[]
      readonly duplicate: boolean
    }
  | {
      readonly kind: 'reject'
      readonly code: ErrorCode
      readonly message: string
      readonly retryAfterMs?: number
      /** With `epoch_changed`: the epochs now. */
      readonly epochs?: readonly LogEpoch[]
    }

export interface IngestOptions extends Pick<PartitionLogOptions, 'redis' | 'guard' | 'known'> {
  readonly partitions: number
  readonly contract: Contract
  readonly clock: Clock
  readonly replicas?: number
  /** Whether Redis keeps what is stored; while it may not, nothing is taken. */
  readonly isKept?: () => boolean
  readonly onNewEpoch?: PartitionLogOptions['onNewEpoch']
}

/** Takes frames from the gateway and answers each exactly once. */
export class Ingest {
  readonly #contract: Contract
  readonly #clock: Clock
  readonly #guard: Guard
  readonly #isKept: () => boolean
  readonly #partitions: number
  readonly #logs: readonly PartitionLog[]
  readonly #appenders: readonly PartitionAppender[]
  readonly #idPrefix = randomBytes(6).toString('base64url')
  #idCount = 0

  constructor(options: IngestOptions) {
    const logOptions = { replicas: 0, onNewEpoch: () => {}, ...options }
    this.#contract = options.contract
    this.#clock = options.clock
    this.#guard = options.guard
    this.#isKept = options.isKept ?? (() => true)
    this.#partitions = options.partitions
    this.#logs = Array.from({ length: options.partitions }, (_, p) => new PartitionLog(p, logOptions))
    this.#appenders = this.#logs.map((log) => new PartitionAppender(log))
  }

  get pendingBytes(): number {
    return this.#appenders.reduce((sum, appender) => sum + appender.pendingBytes, 0)
  }

  /** How long appends took since last asked, ms: the longest, whether answered or still waiting. */
  takeLongestAppendMs(): number {
    return Math.max(...this.#appenders.map((appender) => appender.takeLongestWaitMs()))
  }

  /** The epochs under which the logs go on, of partitions that anything was stored in. */
  get epochs(): LogEpoch[] {
    return this.#logs.flatMap(({ epoch }, partition) => (epoch === undefined ? [] : [{ partition, epoch }]))
  }

  /** Takes entries of a partition that a client knows: none of its frames is stored before they are looked up. */
  testify(partition: number, entries: readonly KnownEntry[]): void {
    this.#logs[partition]?.testify(entries)
  }

  /** The same, at once. Resolves when the log has a new epoch if any of them is gone. @throws BusUnavailable */
  async examine(partition: number, entries: readonly KnownEntry[]): Promise<void> {
    this.testify(partition, entries)
    await this.#logs[partition]?.examine()
  }

  /** Shows whether a partition can be written to, and that it is still the same log. @throws BusUnavailable, BusFull */
  canary(partition: number): Promise<void> {
    return this.#logs[partition]!.canary()
  }

  /** Resolves when every frame taken so far is answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#appenders.map((appender) => appender.drain()))
  }

  /** @param answer is called exactly once, possibly before `publish` returns. */
  publish(request: PublishRequest, answer: (outcome: PublishOutcome) => void): void {
    const { producer } = request
    const topic = this.#contract.topics.get(request.topic)
    if (topic === undefined) answer(reject('unknown_topic', `No topic ${request.topic}. GET /v1/topics lists them.`))
    else if (topic.kind !== 'source') answer(reject('not_publishable'))
    else if (producer?.state.admits(producer.seq) === false) answer(reject('out_of_order', undefined, 0))
    else if (this.#guard.retryAfterMs > 0) {
      producer?.state.failed(producer.seq)
      answer(reject('unavailable', undefined, this.#guard.retryAfterMs))
    } else if (!this.#isKept()) {
      producer?.state.failed(producer.seq)
      answer(reject('unavailable', undefined, STORAGE_RETRY_MS))
    } else this.#append(topic, request, answer)
  }

  #append(topic: SourceTopic, { events, producer }: PublishRequest, answer: (outcome: PublishOutcome) => void): void {
    const { accepted, rejected } = validateFrame(topic, events, {
      now: this.#clock.now(),
      nextId: () => `${this.#idPrefix}${(this.#idCount++).toString(36)}`,
    })
    const byPartition = this.#split(accepted)
    if (byPartition.size === 0) answer({ kind: 'ack', at: [], rejected, duplicate: false })
    const frame = new PendingFrame(byPartition.size, rejected, producer, answer)
    for (const [partition, slice] of byPartition) {
      const identity = producer && identityOf(producer, partition, slice)
      this.#appenders[partition]!.add({ topic: topic.name, identity, frame }, slice)
    }
  }

  #split(events: readonly AcceptedEvent[]): Map<number, AcceptedEvent[]> {
    const byPartition = new Map<number, AcceptedEvent[]>()
    for (const event of events) {
      const partition = partitionOf(event.key, this.#partitions)
      const slice = byPartition.get(partition)
      if (slice === undefined) byPartition.set(partition, [event])
      else slice.push(event)
    }
    return byPartition
  }
}

/** A frame whose slices are on their way. It keeps nothing of the events. */
class PendingFrame {
  readonly #slices: number
  readonly #rejected: readonly RejectedEvent[]
  readonly #producer: PublishRequest['producer']
  readonly #answer: (outcome: PublishOutcome) => void
  readonly #outcomes: SliceOutcome[] = []

  constructor(
    slices: number,
    rejected: readonly RejectedEvent[],
    producer: PublishRequest['producer'],
    answer: (outcome: PublishOutcome) => void,
  ) {
    this.#slices = slices
    this.#rejected = rejected
    this.#producer = producer
    this.#answer = answer
  }

  settle(outcome: SliceOutcome): void {
    this.#outcomes.push(outcome)
    if (this.#outcomes.length < this.#slices) return
    const result = combine(this.#outcomes, this.#rejected)
    this.#answer(this.#producer === undefined ? result : this.#note(result, this.#producer))
  }

  #note(result: PublishOutcome, { state, seq }: NonNullable<PublishRequest['producer']>): PublishOutcome {
    if (result.kind === 'ack') {
      const ended = this.#outcomes.flatMap((outcome) =>
        'position' in outcome && !state.stored(outcome) ? [outcome.partition] : [],
      )
      if (ended.length === 0) return result
      // One slice was stored before the epoch changed, another one afterwards.
      state.failed(seq)
      return epochChanged(ended.map((partition) => ({ partition, epoch: state.epochOn(partition)! })))
    }
    if (result.retryAfterMs === undefined) state.abandoned(seq)
    else state.failed(seq)
    for (const at of result.epochs ?? []) state.epochChanged(at)
    return result
  }
}

function identityOf(
  { state, seq, ageMs }: NonNullable<PublishRequest['producer']>,
  partition: number,
  slice: readonly AcceptedEvent[],
): SliceIdentity {
  let content = ''
  for (const event of slice) content += event.dataJson
  return {
    producer: state.id,
    session: state.session,
    seq,
    previous: state.previousOn(partition, seq),
    epoch: state.epochOn(partition),
    checksum: crc32(content).toString(36),
    ageMs,
  }
}

/** Slice verdicts that fail the frame, the most final first: one answer has to stand for all slices. */
const FAILURES = [
  'conflict',
  'fenced',
  'unknown',
  'storage_full',
  'unavailable',
  'epoch_changed',
  'out_of_order',
] as const

/** One answer for a frame from the outcomes of its slices. */
function combine(outcomes: readonly SliceOutcome[], rejected: readonly RejectedEvent[]): PublishOutcome {
  for (const failure of FAILURES) {
    const found = outcomes.find((outcome) => outcome.verdict === failure)
    if (found === undefined) continue
    if (failure === 'unknown') return reject('outcome_unknown')
    if (failure === 'epoch_changed') {
      return epochChanged(outcomes.flatMap((outcome) => (outcome.verdict === failure ? [outcome] : [])))
    }
    if (failure === 'out_of_order') return reject(failure, undefined, 0)
    if (failure === 'storage_full') return reject(failure, undefined, STORAGE_RETRY_MS)
    return reject(failure, undefined, 'retryAfterMs' in found ? found.retryAfterMs : undefined)
  }
  const at = outcomes.flatMap((outcome) => ('position' in outcome ? [outcome.position] : []))
  return { kind: 'ack', at, rejected, duplicate: outcomes.every((outcome) => outcome.verdict === 'duplicate') }
}

function epochChanged(outcomes: readonly LogEpoch[]): PublishOutcome {
  const epochs = outcomes.map(({ partition, epoch }) => ({ partition, epoch }))
  return { kind: 'reject', code: 'epoch_changed', message: ERROR_CODES.epoch_changed, retryAfterMs: 0, epochs }
}

/** Retention trims in the owner's loop, about once a second. */
const STORAGE_RETRY_MS = 1_000

function reject(code: ErrorCode, message: string = ERROR_CODES[code], retryAfterMs?: number): PublishOutcome {
  return retryAfterMs === undefined
    ? { kind: 'reject', code, message }
    : { kind: 'reject', code, message, retryAfterMs }
}
