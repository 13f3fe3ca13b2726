import { type EventBody, partitionOf } from '../../../server/src/bus/index.ts'
import { BATCH_EVENTS, LogFiller, PARTITIONS } from '../support/log-filler.ts'

const HOUR_MS = 3_600_000

export const READINGS = 'sensor.reading'

export interface Prefill {
  readonly events: number
  /** Sensors, which take turns. */
  readonly keys: number
  /** Events of one sensor lie this far apart in event time, ms. */
  readonly periodMs: number
}

/** Fills the log of `sensor.reading` in record batches of 100 events. */
export async function prefill(redisUrl: string, { events, keys, periodMs }: Prefill): Promise<void> {
  const filler = await LogFiller.open(redisUrl)
  const open = Array.from({ length: PARTITIONS }, (): EventBody[] => [])
  // Some hours back, so that nothing looks as if it came from the future.
  const from = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS
  for (let n = 0; n < events; n++) {
    const key = `s-${n % keys}`
    const time = from + Math.floor((n / keys) * periodMs)
    const data = { sensorId: key, temperature: (n % 1_280) / 64, humidity: n % 100 }
    const partition = partitionOf(key, PARTITIONS)
    open[partition]!.push({ id: `r-${n}`, key, time, data })
    if (open[partition]!.length < BATCH_EVENTS) continue
    await filler.append(partition, READINGS, open[partition]!)
    open[partition] = []
  }
  for (const [partition, rest] of open.entries()) if (rest.length > 0) await filler.append(partition, READINGS, rest)
  filler.close()
}
