import {
  type BackfillRecord,
  type BackfillStatus,
  type CommitOperation,
  type CommitReply,
  type CommitRequest,
  closeBackfill,
  commit,
  type Guard,
  heartbeat,
  keys,
  type Lineage,
  type LogVersion,
  openPartition,
  type Redis,
  type Refusal,
  readBackfill,
  readLogVersion,
  readPage,
  receivedOver,
  type TakeReply,
  takePartition,
  unlistBackfill,
} from '../../bus/index.ts'
import { readHash } from '../hash-fields.ts'
import { decodeOffsets, decodeProgress, type Offsets, type StoredProgress } from '../progress.ts'
import type { HashFields } from '../stored-window.ts'
import { type MergedPage, mergePages, PAGE } from './merged-log.ts'

/**
 * What a backfill of one window in one partition says to Redis. Its state lies beside that of the live windows, under names
 * of its own. Every method throws BusUnavailable when Redis does not answer.
 */
export class BackfillStore {
  readonly partition: number
  readonly window: string
  readonly #redis: Redis
  readonly #guard: Guard

  constructor(partition: number, window: string, redis: Redis, guard: Guard) {
    this.partition = partition
    this.window = window
    this.#redis = redis
    this.#guard = guard
  }

  /** Of which log is computed what is read from now on. */
  log(): Promise<LogVersion> {
    return this.#guard.run(() => readLogVersion(this.#redis, this.partition))
  }

  read(): Promise<BackfillRecord | undefined> {
    return readBackfill(this.#redis, this.#guard, this.partition, this.window)
  }

  take(): Promise<TakeReply> {
    return takePartition(this.#redis, this.#guard, this.partition, this.window)
  }

  heartbeat(token: string): Promise<boolean> {
    return heartbeat(this.#redis, this.#guard, this.partition, token, false, this.window)
  }

  release(token: string): Promise<boolean> {
    return heartbeat(this.#redis, this.#guard, this.partition, token, true, this.window)
  }

  /** State as it was kept under the names of the live one. */
  async load(names: readonly string[]): Promise<Map<string, HashFields>> {
    const fields = names.map((name) => readHash(this.#redis, this.#guard, this.#own(name)))
    return new Map((await Promise.all(fields)).map((found, i) => [names[i]!, found]))
  }

  /**
   * Stores what a fold put out, of that only what goes to `outputs`, and without a watermark: readers of a result count on
   * the live one.
   */
  commit(request: CommitRequest, outputs: ReadonlySet<string>): Promise<CommitReply> {
    const operations = request.operations.flatMap((operation): CommitOperation[] => {
      if (operation.op !== 'append') return [{ ...operation, key: this.#own(operation.key) }]
      return outputs.has(operation.topic) ? [{ ...operation, watermark: undefined }] : []
    })
    return commit(this.#redis, this.#guard, this.partition, { ...request, operations }, this.window)
  }

  /** The next entries behind the cursors. */
  async readOn(cursors: ReadonlyMap<string, string>): Promise<MergedPage> {
    const read = [...cursors].map(async ([topic, after]) => {
      const page = await this.#guard.run(() => readPage(this.#redis, this.partition, topic, `(${after}`, PAGE), {
        receivedBytes: receivedOver(this.#redis),
      })
      return [topic, page] as const
    })
    return mergePages(cursors, new Map(await Promise.all(read)))
  }

  /** What the partition's owner has committed. */
  async live(): Promise<{ readonly offsets: Offsets; readonly progress: StoredProgress }> {
    const [offsets, clocks] = await this.#guard.run(() =>
      this.#redis.hmget(keys.meta(this.partition), 'offsets', 'clocks'),
    )
    return { offsets: decodeOffsets(offsets ?? ''), progress: decodeProgress(clocks ?? '') }
  }

  lineage(): Promise<Lineage> {
    return this.#guard.run(() => openPartition(this.#redis, this.partition))
  }

  /** @returns why it was refused, if so */
  async close(
    log: LogVersion,
    token: string,
    end: { status: BackfillStatus; reason: string; filled: string; state: readonly string[] },
  ): Promise<Refusal | undefined> {
    const [redis, guard] = [this.#redis, this.#guard]
    const state = end.state.map((name) => this.#own(name))
    const refusal = await closeBackfill(redis, guard, this.partition, this.window, log, token, { ...end, state })
    if (refusal === undefined) await unlistBackfill(redis, guard, this.partition, this.window)
    return refusal
  }

  #own(name: string): string {
    return keys.backfillState(this.partition, this.window, name)
  }
}
