import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../support/benchmark.ts'
import { catchUp, openBench } from '../support/catch-up.ts'
import { startBenchRedis } from '../support/redis.ts'
import { prefill, READINGS } from './prefill.ts'

const EVENTS = 1_000_000
const KEYS = 1_000
/** Ten readings a second and sensor. */
const PERIOD_MS = 100

export const hopping: Benchmark = {
  description:
    'A worker catching up through windows of 60 s every second, beside one with windows of 1 s: as many panes',
  control: 'a worker with windows of one second, which has as many panes',
  notMeasured: 'gateway, subscribers, several workers; worker and Redis share the cores',
  async run(progress) {
    const tumbling = await measure('tumbling.config.ts', progress)
    const hopping = await measure('hopping.config.ts', progress)
    // Once more: these machines drift within a minute.
    const again = await measure('tumbling.config.ts', progress)
    const tumblingSeconds = (tumbling + again) / 2
    return {
      tumblingEventsPerSec: Math.round(EVENTS / tumblingSeconds),
      hoppingEventsPerSec: Math.round(EVENTS / hopping),
      costRatio: Math.round((hopping / tumblingSeconds) * 100) / 100,
      events: EVENTS,
      keys: KEYS,
    }
  },
}

/** Seconds of a worker for the whole log. */
async function measure(config: string, progress: (message: string) => void): Promise<number> {
  const server = await startBenchRedis()
  try {
    await prefill(server.url, { events: EVENTS, keys: KEYS, periodMs: PERIOD_MS })
    const redis = await openBench(server.url)
    const { worker, seconds } = await catchUp(
      redis,
      server.url,
      fileURLToPath(new URL(config, import.meta.url)),
      READINGS,
    )
    await worker.stop()
    redis.disconnect()
    progress(`${config}: ${seconds.toFixed(2)} s`)
    return seconds
  } finally {
    await server.close()
  }
}
