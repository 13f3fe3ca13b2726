import {
  append,
  encodeEvent,
  Guard,
  openCommandConnection,
  openTopology,
  partitionOf,
  RecordBatchBuilder,
  type StoredEvent,
  untilReady,
} from '../../../server/src/bus/index.ts'

export const PARTITIONS = 8
const ENTRY_EVENTS = 100
const HOUR_MS = 3_600_000

export interface Prefill {
  readonly events: number
  /** Sensors, which take turns. */
  readonly keys: number
  /** Events of one sensor lie this far apart in event time, ms. */
  readonly periodMs: number
}

/** Fills the log of `sensor.reading` as gateways would, in record batches of 100 events. */
export async function prefill(redisUrl: string, { events, keys, periodMs }: Prefill): Promise<void> {
  const redis = openCommandConnection(redisUrl, 'bench-prefill')
  await untilReady(redis, 5_000)
  await openTopology(redis, PARTITIONS)
  const guard = new Guard('append')
  const open = Array.from({ length: PARTITIONS }, (): StoredEvent[] => [])
  // Some hours back, so that nothing looks as if it came from the future.
  const from = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS
  const flush = async (partition: number) => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(open[partition]!)
    open[partition] = []
    const batches = [{ topic: 'sensor.reading', ...builder.build() }]
    const slices = [{ batch: 0, lastIndex: builder.count - 1, identity: undefined }]
    await append(redis, guard, partition, { batches, slices })
  }
  for (let n = 0; n < events; n++) {
    const key = `s-${n % keys}`
    const time = from + Math.floor((n / keys) * periodMs)
    const data = JSON.stringify({ sensorId: key, temperature: (n % 1_280) / 64, humidity: n % 100 })
    const partition = partitionOf(key, PARTITIONS)
    open[partition]!.push({ key, lane: 'low', time, json: encodeEvent(`r-${n}`, key, time, undefined, data) })
    if (open[partition]!.length >= ENTRY_EVENTS) await flush(partition)
  }
  for (let partition = 0; partition < PARTITIONS; partition++) if (open[partition]!.length > 0) await flush(partition)
  redis.disconnect()
}
