import {
  type CommitReply,
  type CommitRequest,
  commit,
  decodeHeader,
  type ExpiredPage,
  expireCurrent,
  type Guard,
  heartbeat,
  type KnownEntry,
  keys,
  type Lineage,
  type LogVersion,
  noteLogBytes,
  noteSuspect,
  openPartition,
  type Redis,
  type Refusal,
  readBackfill,
  readLogHeads,
  readPage,
  redisNow,
  settleLineage,
  type TakeReply,
  takePartition,
  trimLog,
} from '../bus/index.ts'
import { readHash } from './hash-fields.ts'
import { isLost, type LostInput } from './lost-input.ts'
import { decodeOffsets, decodeProgress, type Offsets } from './progress.ts'
import type { StoredState } from './stored-state.ts'

/** State together with what the next commit must build on. */
export interface LoadedState extends StoredState {
  /** Of which log it is the state. */
  readonly log: LogVersion
  readonly commitSeq: number
  readonly offsetsText: string
}

/** Behind a loss so many record batches show how far event times had come. */
const FIRST_ENTRIES = 64

/** What a partition's owner says to Redis. Every method throws BusUnavailable when Redis does not answer. */
export class PartitionStore {
  readonly partition: number
  readonly #redis: Redis
  readonly #guard: Guard

  constructor(partition: number, redis: Redis, guard: Guard) {
    this.partition = partition
    this.#redis = redis
    this.#guard = guard
  }

  take(): Promise<TakeReply> {
    return takePartition(this.#redis, this.#guard, this.partition)
  }

  heartbeat(token: string): Promise<boolean> {
    return heartbeat(this.#redis, this.#guard, this.partition, token, false)
  }

  release(token: string): Promise<boolean> {
    return heartbeat(this.#redis, this.#guard, this.partition, token, true)
  }

  commit(request: CommitRequest): Promise<CommitReply> {
    return commit(this.#redis, this.#guard, this.partition, request)
  }

  noteSuspect(log: LogVersion, token: string, suspect: string): Promise<Refusal | undefined> {
    return noteSuspect(this.#redis, this.#guard, this.partition, log, token, suspect)
  }

  trim(log: LogVersion, token: string, topic: string, lowestKept: string): Promise<Refusal | undefined> {
    return trimLog(this.#redis, this.#guard, this.partition, log, token, topic, lowestKept)
  }

  /** Measures what logs of the partition take, for publishes to be refused when that is too much. */
  noteLogBytes(token: string, topics: readonly string[]): Promise<void> {
    return noteLogBytes(this.#redis, this.#guard, this.partition, token, topics)
  }

  expireCurrent(token: string, topic: string, options: Parameters<typeof expireCurrent>[5]): Promise<ExpiredPage> {
    return expireCurrent(this.#redis, this.#guard, this.partition, token, topic, options)
  }

  /** The committed state of the partition. Only its owner may rely on it. */
  async load(storeKeys: readonly string[]): Promise<LoadedState> {
    // In one call with what commits build on, and before the states: if Redis loses something meanwhile, no commit is accepted.
    const [epoch, lineage, commitSeq, offsets, clocks] = await this.#guard.run(() =>
      this.#redis.hmget(keys.meta(this.partition), 'epoch', 'lineage', 'commitSeq', 'offsets', 'clocks'),
    )
    const stored = await Promise.all(
      storeKeys.map(async (key) => [key, await readHash(this.#redis, this.#guard, key)] as const),
    )
    return {
      log: { epoch: epoch ?? '', lineage: lineage ?? '' },
      commitSeq: Number(commitSeq ?? 0),
      offsets: decodeOffsets(offsets ?? ''),
      offsetsText: offsets ?? '',
      progress: decodeProgress(clocks ?? ''),
      stored: new Map(stored),
    }
  }

  /** Which of these logs have lost entries behind an offset. */
  async lostInputs(topics: readonly string[], offsets: Offsets): Promise<LostInput[]> {
    const heads = await this.#guard.run(() => readLogHeads(this.#redis, this.partition, topics))
    const lost = topics.filter((topic) => isLost(offsets.get(topic), heads.topics.get(topic)!.trimmedTo))
    return Promise.all(lost.map((topic) => this.#lostInput(topic)))
  }

  async #lostInput(topic: string): Promise<LostInput> {
    const read = () => readPage(this.#redis, this.partition, topic, '-', FIRST_ENTRIES)
    const { entries, trimmedTo } = await this.#guard.run(read)
    const times = entries.flatMap(({ header }) => decodeHeader(header).times)
    return { topic, trimmedTo, firstTime: times.length === 0 ? undefined : largest(times) }
  }

  /** Committed offsets of another partition's owner, as text. */
  async offsetsOf(partition: number): Promise<string> {
    return (await this.#guard.run(() => this.#redis.hget(keys.meta(partition), 'offsets'))) ?? ''
  }

  /** Redis' clock, ms. */
  now(): Promise<number> {
    return this.#guard.run(() => redisNow(this.#redis))
  }

  /**
   * How far backfills of windows in this partition have read that were worked on within `withinMs` of `now`, Redis ms. What lies
   * ahead of it by more is from before Redis' clock was set back.
   */
  async backfillOffsets(windows: readonly string[], now: number, withinMs: number): Promise<Offsets[]> {
    const records = windows.map((window) => readBackfill(this.#redis, this.#guard, this.partition, window))
    return (await Promise.all(records))
      .filter((record) => record?.status === 'open' && Math.abs(now - record.heartbeat) <= withinMs)
      .map((record) => decodeOffsets(record!.offsets))
  }

  /** Bytes that hashes of the partition take in Redis, estimated from a few fields of each. */
  async memoryOf(hashes: readonly string[]): Promise<number> {
    const bytes = await this.#guard.run(() => Promise.all(hashes.map((key) => this.#redis.memory('USAGE', key))))
    return bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  }

  /** Under which identity of Redis the partition was last written, and under which it would be now. */
  lineage(): Promise<Lineage> {
    return this.#guard.run(() => openPartition(this.#redis, this.partition))
  }

  /**
   * Accepts the data now in Redis: as the same log if every known entry is there, as another one if not.
   *
   * @returns whether that is settled; else the lineage has to be looked at again
   */
  async settle(seen: Lineage, known: readonly KnownEntry[]): Promise<boolean> {
    return (await this.#guard.run(() => settleLineage(this.#redis, this.partition, seen, known))) !== undefined
  }
}

/** A spread would be an argument for each of thousands. */
function largest(times: readonly number[]): number {
  return times.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY)
}
