import { fileURLToPath } from 'node:url'
import type { PublisherOptions, PublisherReport } from '../latency/publisher.ts'
import type { LatencyReport, SubscribersOptions } from '../latency/subscribers.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { percentile } from '../support/percentile.ts'
import { ask, startModule } from '../support/processes.ts'
import { requestEvenly } from '../support/request-evenly.ts'
import { VoidRound, validRound } from '../support/void-round.ts'

const CONFIG = fileURLToPath(new URL('./beside-load.config.ts', import.meta.url))
const EVENTS_PER_SEC = 1_000
const SUBSCRIBERS = 10
const ROUND_MS = 4_000
const WARM_UP_MS = 1_000
const REQUESTS = { connections: 10, perSec: 200, warmupMs: 500, measureMs: ROUND_MS - WARM_UP_MS } as const
const PATHS = {
  topics: '/v1/topics',
  windows: '/v1/windows/bench.10s?key=k-0',
  history: '/v1/history?topic=bench.event&limit=100',
  readyz: '/readyz',
  metrics: '/metrics',
} as const

export const reads: Benchmark = {
  description: `HTTP reads, of one key where there is a choice, at ${REQUESTS.perSec} a second while ${EVENTS_PER_SEC} events a second go to ${SUBSCRIBERS} subscribers: how long each takes, and what it does to delivery`,
  control: 'delivery while nothing is read, before and after',
  notMeasured:
    'reads as fast as they are answered: bench http; networks other than loopback; clients, gateway, worker and Redis share the cores',
  parts: Object.keys(PATHS),
  async run(progress, { parts = Object.keys(PATHS) }) {
    const { gateway, stop } = await startGatewayAndWorker(CONFIG)
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
        throw new VoidRound(`of ${sent} events ${acked} were acknowledged, and ${report.deliveries} deliveries came`)
      }
      return report
    }
    try {
      await ask(subscribers, { port, count: SUBSCRIBERS } satisfies SubscribersOptions)
      const valid = <T>(round: () => Promise<T>) => validRound(round, (reason) => progress(`void round: ${reason}`))
      // The first one is cold.
      await valid(load)
      const alone = [await valid(load)]
      const read: Record<string, Figures> = {}
      for (const name of parts) {
        read[name] = await valid(() => beside(load, port, PATHS[name as keyof typeof PATHS]))
        progress(`${name}: ${JSON.stringify(read[name])}`)
      }
      alone.push(await valid(load))
      const of = (pick: (report: LatencyReport) => number) => rounded(percentile(alone.map(pick), 0.5))
      const undisturbed = { deliveryP50Ms: of(({ p50Ms }) => p50Ms), deliveryP99Ms: of(({ p99Ms }) => p99Ms) }
      progress(`nothing is read: ${JSON.stringify(undisturbed)}`)
      return { undisturbed, ...read }
    } finally {
      publisher.kill()
      subscribers.kill()
      await stop()
    }
  },
}

/** Reads a path during a round. */
async function beside(load: () => Promise<LatencyReport>, port: number, path: string): Promise<Figures> {
  const [delivery, { perSec, p50Ms, p99Ms }] = await Promise.all([
    load(),
    requestEvenly({ ...REQUESTS, port, paths: [path] }),
  ])
  return {
    requestsPerSec: perSec,
    p50Ms: rounded(p50Ms),
    p99Ms: rounded(p99Ms),
    deliveryP50Ms: rounded(delivery.p50Ms),
    deliveryP99Ms: rounded(delivery.p99Ms),
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100
