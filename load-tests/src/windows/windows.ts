import { fileURLToPath } from 'node:url'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { currentKey } from '../../../server/test/support/bus.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { catchUp, openBench } from '../support/catch-up.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { percentile } from '../support/percentile.ts'
import { askModule } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { prefill, READINGS } from './prefill.ts'

const EVENTS = 2_000_000
/** Each figure is the median of them: these machines drift within a minute. */
const ROUNDS = 3
const CONFIG = fileURLToPath(new URL('./windows.config.ts', import.meta.url))

interface Round {
  readonly eventsPerSec: number
  readonly controlEventsPerSec: number
  readonly panes: number
}

export const windows: Benchmark = {
  description: 'A worker with commits on catching up a prefilled log through one 10 s window over 10,000 keys',
  control: 'a program that reads the same log and folds it into a Map, and stores nothing',
  notMeasured: 'gateway, subscribers, several workers; worker and Redis share the cores',
  async run(progress) {
    const rounds: Round[] = []
    for (let number = 1; number <= ROUNDS; number++) {
      const round = await measure()
      rounds.push(round)
      progress(`round ${number} of ${ROUNDS}: ${round.eventsPerSec} events/s, control ${round.controlEventsPerSec}`)
    }
    const median = (of: (round: Round) => number) => percentile(rounds.map(of), 0.5)
    return {
      eventsPerSec: median((round) => round.eventsPerSec),
      controlEventsPerSec: median((round) => round.controlEventsPerSec),
      ratio: Math.round(median((round) => round.eventsPerSec / round.controlEventsPerSec) * 100) / 100,
      events: EVENTS,
      panes: rounds[0]!.panes,
    }
  },
}

/** The worker between two runs of the control, on a log of its own. */
async function measure(): Promise<Round> {
  const redis = await startBenchRedis()
  try {
    await prefill(redis.url, { events: EVENTS, keys: 10_000, periodMs: 1_000 })
    const before = await measureControl(redis.url)
    const { seconds, panes } = await measureWorker(redis.url)
    const after = await measureControl(redis.url)
    return {
      eventsPerSec: Math.round(EVENTS / seconds),
      controlEventsPerSec: Math.round((before + after) / 2),
      panes,
    }
  } finally {
    await redis.close()
  }
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
  const counts = await Promise.all(Array.from({ length: PARTITIONS }, (_, p) => redis.hlen(currentKey(p, window))))
  return counts.reduce((sum, n) => sum + n, 0)
}
