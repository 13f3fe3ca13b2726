import {
  type CommitRequest,
  commit,
  type Guard,
  heartbeat,
  keys,
  openPartition,
  type Redis,
  settleLineage,
  type TakeReply,
  takePartition,
  trimLog,
} from '../bus/index.ts'
import { decodeOffsets, decodeProgress, type Offsets, type StoredProgress } from './progress.ts'

/** Fields of one HSCAN step. */
const SCAN_COUNT = 1_000

export interface LoadedState {
  readonly commitSeq: number
  readonly offsets: Offsets
  readonly offsetsText: string
  readonly progress: StoredProgress
  readonly stored: ReadonlyMap<string, readonly (readonly [string, string])[]>
}

/** What a partition's owner says to Redis. */
export class PartitionStore {
  readonly partition: number
  readonly redis: Redis
  readonly #guard: Guard

  constructor(partition: number, redis: Redis, guard: Guard) {
    this.partition = partition
    this.redis = redis
    this.#guard = guard
  }

  take(): Promise<TakeReply> {
    return takePartition(this.redis, this.#guard, this.partition)
  }

  heartbeat(token: string): Promise<boolean> {
    return heartbeat(this.redis, this.#guard, this.partition, token, false)
  }

  release(token: string): Promise<boolean> {
    return heartbeat(this.redis, this.#guard, this.partition, token, true)
  }

  commit(request: CommitRequest) {
    return commit(this.redis, this.#guard, this.partition, request)
  }

  trim(token: string, topic: string, lowestKept: string): Promise<boolean> {
    return trimLog(this.redis, this.#guard, this.partition, token, topic, lowestKept)
  }

  /** The committed state of the partition. Only its owner may rely on it. */
  async load(storeKeys: readonly string[]): Promise<LoadedState> {
    const [commitSeq, offsets, clocks] = await this.#guard.run(() =>
      this.redis.hmget(keys.meta(this.partition), 'commitSeq', 'offsets', 'clocks'),
    )
    const stored = await Promise.all(storeKeys.map(async (key) => [key, await this.#scan(key)] as const))
    return {
      commitSeq: Number(commitSeq ?? 0),
      offsets: decodeOffsets(offsets ?? ''),
      offsetsText: offsets ?? '',
      progress: decodeProgress(clocks ?? ''),
      stored: new Map(stored),
    }
  }

  /** Accepts the data set now in Redis, on what this owner knows of it. Gateways know more, so they get their chance first. */
  async settle(offsets: Offsets): Promise<void> {
    const { stored, current } = await this.#guard.run(() => openPartition(this.redis, this.partition))
    if (stored === current) return
    const own = [...offsets].filter(([log]) => !log.includes('/'))
    const known = own.map(([topic, streamId]) => ({ topic, streamId }))
    await this.#guard.run(() => settleLineage(this.redis, this.partition, { stored, current }, known))
  }

  async #scan(key: string): Promise<(readonly [string, string])[]> {
    // HSCAN may return a field twice, but never misses one that stays: the map keeps each once.
    const fields = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, page] = await this.#guard.run(() => this.redis.hscan(key, cursor, 'COUNT', SCAN_COUNT))
      for (let i = 0; i < page.length; i += 2) fields.set(page[i]!, page[i + 1]!)
      cursor = next
    } while (cursor !== '0')
    return [...fields]
  }
}
