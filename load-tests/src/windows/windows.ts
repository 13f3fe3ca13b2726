import { fileURLToPath } from 'node:url'
import { keys, type Redis } from '../../../server/src/bus/index.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { catchUp, openBench } from '../support/catch-up.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { askModule } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { prefill, READINGS } from './prefill.ts'

const EVENTS = 2_000_000
const CONFIG = fileURLToPath(new URL('./windows.config.ts', import.meta.url))

export const windows: Benchmark = {
  description: 'A worker with commits on catching up a prefilled log through one 10 s window over 10,000 keys',
  notMeasured: 'gateway, subscribers, several workers; worker and Redis share the cores',
  async run(progress) {
    const redis = await startBenchRedis()
    try {
      progress(`filling the log with ${EVENTS} events`)
      await prefill(redis.url, { events: EVENTS, keys: 10_000, periodMs: 1_000 })
      progress('control: the same entries into a Map')
      const before = await measureControl(redis.url)
      progress(`control ${before} events/s; the worker`)
      const { seconds, panes } = await measureWorker(redis.url)
      const after = await measureControl(redis.url)
      const eventsPerSec = Math.round(EVENTS / seconds)
      // Before and after: these machines drift within a minute.
      const controlEventsPerSec = Math.round((before + after) / 2)
      const ratio = Math.round((eventsPerSec / controlEventsPerSec) * 100) / 100
      return { eventsPerSec, controlEventsPerSec, ratio, events: EVENTS, panes }
    } finally {
      await redis.close()
    }
  },
}

async function measureControl(redisUrl: string): Promise<number> {
  const report = await askModule<{ eventsPerSec: number }>(new URL('./control.ts', import.meta.url), { redisUrl })
  return report.eventsPerSec
}

async function measureWorker(redisUrl: string): Promise<{ seconds: number; panes: number }> {
  const redis = await openBench(redisUrl)
  const { worker, seconds } = await catchUp(redis, redisUrl, CONFIG, READINGS)
  const panes = await paneKeys(redis, 'sensor.10s')
  await worker.stop()
  redis.disconnect()
  return { seconds, panes }
}

/** Keys that have a latest pane. */
async function paneKeys(redis: Redis, window: string): Promise<number> {
  const counts = await Promise.all(Array.from({ length: PARTITIONS }, (_, p) => redis.hlen(keys.current(p, window))))
  return counts.reduce((sum, n) => sum + n, 0)
}
