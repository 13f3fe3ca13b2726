import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import autocannon from 'autocannon'
import type { Benchmark } from '../support/benchmark.ts'
import { startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type config from './queries.config.ts'

const CONFIG = fileURLToPath(new URL('./queries.config.ts', import.meta.url))
const ORDERS = 1_000
const EVENTS = 20
/** Orders of one customer: what a search finds. */
const ORDERS_EACH = 5
/** Different requests of a suite, in turn. */
const REQUESTS = 500
const CONNECTIONS = 32
const PEAK_SECONDS = 4
const HALF_SECONDS = 5

const randomOrder = () => `o-${Math.floor(Math.random() * ORDERS)}`
const SUITES: Readonly<Record<string, () => string>> = {
  current: () => `/v1/entities/order/${randomOrder()}`,
  version: () => `/v1/entities/order/${randomOrder()}?version=${1 + Math.floor(Math.random() * EVENTS)}`,
  history: () => `/v1/entities/order/${randomOrder()}/history`,
  index: () => `/v1/entities/order?customer=c-${Math.floor((Math.random() * ORDERS) / ORDERS_EACH)}`,
}

export const entityQueries: Benchmark = {
  description: 'Queries of entities by HTTP: at most, and how long they take at half of that, beside a bare GET',
  notMeasured: 'networks other than loopback, commands at the same time; autocannon, gateway and Redis share the cores',
  async run(progress) {
    const redis = await startBenchRedis()
    const environment = { REDIS_URL: redis.url, TIDEGATE_LOG_LEVEL: 'warn' }
    const worker = await startTidegate(['worker', '--config', CONFIG], environment)
    const gateway = await startTidegate(['gateway', '--port', '0', '--config', CONFIG], environment)
    const controlChild = startModule(new URL('./query-control.ts', import.meta.url))
    controlChild.send({ redisUrl: redis.url })
    const control = await untilReady(controlChild)
    try {
      progress(`${ORDERS} entities with ${EVENTS} events`)
      await placeOrders(gateway.port)
      const bare = await drive(control.port, () => `/${randomOrder()}`, PEAK_SECONDS)
      progress(`control: ${bare.perSec} requests/s`)
      const figures: Record<string, { perSec: number; halfPerSec: number; halfP50Ms: number; halfP99Ms: number }> = {}
      for (const [name, path] of Object.entries(SUITES)) {
        const peak = await drive(gateway.port, path, PEAK_SECONDS)
        const half = await drive(gateway.port, path, HALF_SECONDS, peak.perSec / 2)
        progress(`${name}: ${peak.perSec} requests/s, P99 ${half.p99Ms} ms at ${half.perSec}`)
        figures[name] = {
          perSec: peak.perSec,
          halfPerSec: half.perSec,
          halfP50Ms: half.p50Ms,
          halfP99Ms: half.p99Ms,
        }
      }
      return {
        ...figures,
        controlPerSec: bare.perSec,
        ratio: Math.round((figures.current!.perSec / bare.perSec) * 100) / 100,
        halfP99Ms: Math.max(...Object.values(figures).map(({ halfP99Ms }) => halfP99Ms)),
      }
    } finally {
      await Promise.all([gateway.stop(), worker.stop(), control.stop()])
      await redis.close()
    }
  },
}

async function placeOrders(port: number): Promise<void> {
  const client = createClient<typeof config>({ url: `http://127.0.0.1:${port}` })
  const prices = Array.from({ length: EVENTS - 1 }, (_, i) => i)
  await Promise.all(
    Array.from({ length: ORDERS }, (_, n) =>
      client.command('order', `o-${n}`, 'place', { customer: `c-${Math.floor(n / ORDERS_EACH)}`, prices }),
    ),
  )
  await client.close({ deadlineMs: 1_000 })
}

/** @param perSec absent: as many as are answered @throws when a request failed */
async function drive(port: number, path: () => string, seconds: number, perSec?: number) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    requests: Array.from({ length: REQUESTS }, () => ({ method: 'GET' as const, path: path() })),
    connections: CONNECTIONS,
    duration: seconds,
    ...(perSec !== undefined && { overallRate: Math.round(perSec) }),
  })
  const failed = result.errors + result.timeouts + result.non2xx
  if (failed > 0) throw new Error(`${failed} requests failed`)
  const { p50, p99 } = result.latency
  return { perSec: Math.round(result.requests.average), p50Ms: p50, p99Ms: p99 }
}
