import { fileURLToPath } from 'node:url'
import { keys, lastIds, openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/index.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { askModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { PARTITIONS, prefill } from './prefill.ts'

const EVENTS = 2_000_000
const CONFIG = fileURLToPath(new URL('./windows.config.ts', import.meta.url))
const POLL_MS = 10

export const windows: Benchmark = {
  description: 'A worker with commits on catching up a prefilled log through one 10 s window over 10,000 keys',
  notMeasured: 'gateway, subscribers, several workers; worker and Redis share the cores',
  async run(progress) {
    const redis = await startBenchRedis()
    try {
      progress(`filling the log with ${EVENTS} events`)
      await prefill(redis.url, EVENTS)
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

/** Time from the first take of a partition until every partition has committed its last entry. */
async function measureWorker(redisUrl: string): Promise<{ seconds: number; panes: number }> {
  const redis = openCommandConnection(redisUrl, 'bench-windows')
  await untilReady(redis, 5_000)
  const ends = await Promise.all(partitions().map(async (p) => (await lastIds(redis, p, ['sensor.reading']))[0]!))
  const worker = startTidegate(['worker', '--config', CONFIG], { REDIS_URL: redisUrl })
  await until(async () => (await metas(redis, 'token')).some((token) => token !== null))
  const startedAt = performance.now()
  await until(async () => (await metas(redis, 'offsets')).every((offsets, p) => offsets?.includes(`"${ends[p]}"`)))
  const seconds = (performance.now() - startedAt) / 1_000
  const panes = await Promise.all(partitions().map((p) => redis.hlen(keys.current(p, 'sensor.10s'))))
  await (await worker).stop()
  redis.disconnect()
  return { seconds, panes: panes.reduce((sum, n) => sum + n, 0) }
}

const partitions = () => Array.from({ length: PARTITIONS }, (_, partition) => partition)

function metas(redis: Redis, field: string): Promise<(string | null)[]> {
  return Promise.all(partitions().map((p) => redis.hget(keys.meta(p), field)))
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}
