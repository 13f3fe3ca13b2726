/**
 * Control of `bench windows`: reads the same entries and folds the same four aggregates into a Map. Nothing is stored.
 */

import { decodeEvents, LOG_START } from '../../../server/src/bus/index.ts'
import { readLogs } from '../../../server/src/bus/log/log-entry.ts'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { PARTITIONS } from '../support/log-filler.ts'

const WINDOW_MS = 10_000
const READ_COUNT = 64

async function run(redisUrl: string): Promise<{ eventsPerSec: number }> {
  const redis = openCommandConnection(redisUrl, 'bench-control')
  await untilReady(redis, 5_000)
  const sums = new Map<string, { sum: number; min: number; max: number; count: number }>()
  let events = 0
  const fold = async (partition: number) => {
    let cursor = LOG_START
    for (;;) {
      const entries = await readLogs(redis, partition, new Map([['sensor.reading', cursor]]), {
        count: READ_COUNT,
        blockMs: 0,
      })
      if (entries.length === 0) return
      for (const entry of entries) {
        for (const { key, time, data } of decodeEvents(entry.payload)) {
          const { temperature } = data as { temperature: number }
          const group = `${Math.floor(time / WINDOW_MS)} ${key}`
          const known = sums.get(group)
          if (known === undefined) sums.set(group, { sum: temperature, min: temperature, max: temperature, count: 1 })
          else {
            known.sum += temperature
            known.min = Math.min(known.min, temperature)
            known.max = Math.max(known.max, temperature)
            known.count++
          }
          events++
        }
      }
      cursor = entries.at(-1)!.streamId
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => fold(partition)))
  const seconds = (performance.now() - startedAt) / 1_000
  redis.disconnect()
  return { eventsPerSec: Math.round(events / seconds) }
}

process.once('message', ({ redisUrl }: { redisUrl: string }) => {
  void run(redisUrl).then((report) => process.send!(report, () => process.exit(0)))
})
