import { setTimeout as pause } from 'node:timers/promises'
import {
  append,
  BusUnavailable,
  encodeEvent,
  Guard,
  type KnownEntry,
  partitionOf,
  RecordBatchBuilder,
  type Redis,
  settleLineage,
} from '../../../server/src/bus/index.ts'
import type { Reading } from './reading.ts'

const TOPIC = 'crash.reading'
const RETRY_MS = 50
/** Shorter than an input must be quiet to be idle. */
const STALL_MS = 1_000
/** Longer than any stall, and than readings are late: what comes after is ahead of a watermark that moved on meanwhile. */
const JUMP_MS = 60_000

/**
 * Appends readings as a gateway does: a record batch per partition, each once, and the proof that a restarted Redis is the
 * same. In a partition that got nothing for a while the clocks jump ahead by a minute: how far its watermark moved on by
 * itself, which no recompute of the log can know, then makes no difference.
 */
export class LogWriter {
  readonly #redis: Redis
  readonly #partitions: number
  readonly #guard = new Guard('append')
  readonly #newest = new Map<number, KnownEntry>()
  /** When each partition got something last. */
  readonly #writtenAt = new Map<number, number>()
  readonly #aheadMs = new Map<number, number>()
  #silent = { remainder: 0, until: 0 }
  #seq = 0

  constructor(redis: Redis, partitions: number) {
    this.#redis = redis
    this.#partitions = partitions
  }

  /** Writes nothing to the even (0) or odd (1) partitions for a time: their readings do not exist. */
  silence(remainder: number, ms: number): void {
    this.#silent = { remainder, until: performance.now() + ms }
  }

  endSilence(): void {
    this.#silent = { remainder: 0, until: 0 }
  }

  async write(readings: readonly Reading[]): Promise<void> {
    const byPartition = new Map<number, Reading[]>()
    for (const reading of readings) {
      const partition = partitionOf(reading.sensor, this.#partitions)
      if (this.#isSilent(partition)) continue
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), reading])
    }
    await Promise.all([...byPartition].map(([partition, own]) => this.#append(partition, own)))
  }

  #isSilent(partition: number): boolean {
    const { remainder, until } = this.#silent
    return partition % 2 === remainder && performance.now() < until
  }

  async #append(partition: number, readings: readonly Reading[]): Promise<void> {
    const aheadMs = this.#catchUp(partition)
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      readings.map(({ id, sensor, site, time, v }) => {
        const json = encodeEvent(id, sensor, time + aheadMs, undefined, JSON.stringify({ sensor, site, v }))
        return { key: sensor, lane: 'low', time: time + aheadMs, json }
      }),
    )
    const slice = { producer: 'crashes', session: 1, seq: ++this.#seq, previous: '*', checksum: 'c', ageMs: 0 } as const
    const request = {
      batches: [{ topic: TOPIC, ...builder.build() }],
      slices: [{ batch: 0, lastIndex: readings.length - 1, identity: slice }],
    }
    for (;;) {
      try {
        const reply = await append(this.#redis, this.#guard, partition, request)
        if (reply.status === 'ok') {
          const [streamId] = reply.slices[0]!.entry.split('.') as [string]
          this.#newest.set(partition, { topic: TOPIC, streamId })
          this.#writtenAt.set(partition, performance.now())
          return
        }
        const newest = this.#newest.get(partition)
        await settleLineage(this.#redis, partition, reply, newest === undefined ? [] : [newest])
      } catch (error) {
        if (!(error instanceof BusUnavailable)) throw error
        await pause(RETRY_MS)
      }
    }
  }

  /** How far the clocks of a partition are ahead by now, ms. */
  #catchUp(partition: number): number {
    const now = performance.now()
    const isStalled = now - (this.#writtenAt.get(partition) ?? now) > STALL_MS
    const aheadMs = (this.#aheadMs.get(partition) ?? 0) + (isStalled ? JUMP_MS : 0)
    this.#aheadMs.set(partition, aheadMs)
    return aheadMs
  }
}
