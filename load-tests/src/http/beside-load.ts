import { fileURLToPath } from 'node:url'
import type { PublisherOptions, PublisherReport } from '../latency/publisher.ts'
import type { LatencyReport, SubscribersOptions } from '../latency/subscribers.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { percentile } from '../support/percentile.ts'
import { ask, startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { requestEvenly } from '../support/request-evenly.ts'

const CONFIG = fileURLToPath(new URL('./beside-load.config.ts', import.meta.url))
const EVENTS_PER_SEC = 1_000
const SUBSCRIBERS = 10
const ROUND_MS = 4_000
const WARM_UP_MS = 1_000
const REQUESTS = { connections: 10, perSec: 200, warmupMs: 500, measureMs: ROUND_MS - WARM_UP_MS } as const
const PATHS = {
  topics: '/v1/topics',
  windows: '/v1/windows/bench.10s?limit=100',
  history: '/v1/history?topic=bench.event&limit=100',
  readyz: '/readyz',
  metrics: '/metrics',
} as const

export const reads: Benchmark = {
  description: `HTTP reads at ${REQUESTS.perSec} a second while ${EVENTS_PER_SEC} events a second go to ${SUBSCRIBERS} subscribers: how long each takes, and what it does to delivery`,
  control: 'delivery while nothing is read, before and after',
  notMeasured:
    'reads as fast as they are answered: bench http; networks other than loopback; clients, gateway, worker and Redis share the cores',
  parts: Object.keys(PATHS),
  async run(progress, { parts = Object.keys(PATHS) }) {
    const redis = await startBenchRedis()
    const environment = { REDIS_URL: redis.url }
    const gateway = await startTidegate(['gateway', '--port', '0', '--config', CONFIG], environment)
    const worker = await startTidegate(['worker', '--config', CONFIG], environment)
    const publisher = startModule(new URL('../latency/publisher.ts', import.meta.url))
    const subscribers = startModule(new URL('../latency/subscribers.ts', import.meta.url))
    const { port } = gateway
    /** The load of a round, and the latencies of its deliveries. */
    const load = async (): Promise<LatencyReport> => {
      await ask(subscribers, 'take')
      const options: PublisherOptions = { port, eventsPerSec: EVENTS_PER_SEC, durationMs: ROUND_MS }
      const { sent, acked } = await ask<PublisherReport>(publisher, options)
      const report = await ask<LatencyReport>(subscribers, 'take')
      if (acked < sent || report.deliveries < sent * SUBSCRIBERS) {
        throw new Error(
          `of ${sent} events ${acked} were acknowledged, and ${report.deliveries} deliveries came: no round`,
        )
      }
      return report
    }
    try {
      await ask(subscribers, { port, count: SUBSCRIBERS } satisfies SubscribersOptions)
      await load()
      const alone = [await load()]
      const read: Record<string, Figures> = {}
      for (const name of parts) {
        read[name] = await beside(load, port, PATHS[name as keyof typeof PATHS])
        progress(`${name}: ${JSON.stringify(read[name])}`)
      }
      alone.push(await load())
      const of = (pick: (report: LatencyReport) => number) => rounded(percentile(alone.map(pick), 0.5))
      const undisturbed = { deliveryP50Ms: of(({ p50Ms }) => p50Ms), deliveryP99Ms: of(({ p99Ms }) => p99Ms) }
      progress(`nothing is read: ${JSON.stringify(undisturbed)}`)
      return { undisturbed, ...read }
    } finally {
      publisher.kill()
      subscribers.kill()
      await Promise.all([gateway.stop(), worker.stop()])
      await redis.close()
    }
  },
}

/** Reads a path during a round. */
async function beside(load: () => Promise<LatencyReport>, port: number, path: string): Promise<Figures> {
  const requests = requestEvenly({ ...REQUESTS, port, paths: [path] })
  const delivery = await load()
  const { perSec, p50Ms, p99Ms } = await requests
  return {
    requestsPerSec: perSec,
    p50Ms: rounded(p50Ms),
    p99Ms: rounded(p99Ms),
    deliveryP50Ms: rounded(delivery.p50Ms),
    deliveryP99Ms: rounded(delivery.p99Ms),
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100
