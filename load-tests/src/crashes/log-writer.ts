import {
  append,
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

/** Appends readings as a gateway does: a record batch per partition, and the proof that a restarted Redis is the same. */
export class LogWriter {
  readonly #redis: Redis
  readonly #partitions: number
  readonly #guard = new Guard('append')
  readonly #newest = new Map<number, KnownEntry>()

  constructor(redis: Redis, partitions: number) {
    this.#redis = redis
    this.#partitions = partitions
  }

  async write(readings: readonly Reading[]): Promise<void> {
    const byPartition = new Map<number, Reading[]>()
    for (const reading of readings) {
      const partition = partitionOf(reading.sensor, this.#partitions)
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), reading])
    }
    await Promise.all([...byPartition].map(([partition, own]) => this.#append(partition, own)))
  }

  async #append(partition: number, readings: readonly Reading[]): Promise<void> {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      readings.map(({ id, sensor, site, time, v }) => {
        const json = encodeEvent(id, sensor, time, undefined, JSON.stringify({ sensor, site, v }))
        return { key: sensor, lane: 'low', time, json }
      }),
    )
    const request = {
      batches: [{ topic: TOPIC, ...builder.build() }],
      slices: [{ batch: 0, lastIndex: readings.length - 1, identity: undefined }],
    }
    for (;;) {
      const reply = await append(this.#redis, this.#guard, partition, request)
      if (reply.status === 'ok') {
        const [streamId] = reply.slices[0]!.entry.split('.') as [string]
        this.#newest.set(partition, { topic: TOPIC, streamId })
        return
      }
      const newest = this.#newest.get(partition)
      await settleLineage(this.#redis, partition, reply, newest === undefined ? [] : [newest])
    }
  }
}
