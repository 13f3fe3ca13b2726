import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import autocannon from 'autocannon'
import type { Benchmark } from '../support/benchmark.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { startModule, untilReady } from '../support/processes.ts'
import { type RequesterReport, requestEvenly } from '../support/request-evenly.ts'
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
const HALF = { connections: CONNECTIONS, warmupMs: 1_000, measureMs: 5_000 } as const

const randomOrder = () => `o-${Math.floor(Math.random() * ORDERS)}`
const SUITES: Readonly<Record<string, () => string>> = {
  current: () => `/v1/entities/order/${randomOrder()}`,
  version: () => `/v1/entities/order/${randomOrder()}?version=${1 + Math.floor(Math.random() * EVENTS)}`,
  history: () => `/v1/entities/order/${randomOrder()}/history`,
  index: () => `/v1/entities/order?customer=c-${Math.floor((Math.random() * ORDERS) / ORDERS_EACH)}`,
}

export const entityQueries: Benchmark = {
  description: 'Queries of entities by HTTP: at most, and how long they take at half of that, beside a bare GET',
  control: 'uWebSockets.js alone, which answers each GET with a field of a hash in Redis',
  notMeasured: 'networks other than loopback, commands at the same time; autocannon, gateway and Redis share the cores',
  async run(progress) {
    const { redisUrl, gateway, stop } = await startGatewayAndWorker(CONFIG)
    const controlChild = startModule(new URL('./query-control.ts', import.meta.url))
    controlChild.send({ redisUrl })
    const bareGet = await untilReady(controlChild)
    try {
      progress(`${ORDERS} entities with ${EVENTS} events`)
      await placeOrders(gateway.port)
      const bare = await peakOf(bareGet.port, () => `/${randomOrder()}`)
      progress(`control: ${bare} requests/s`)
      const figures: Record<string, { perSec: number; halfPerSec: number; halfP50Ms: number; halfP99Ms: number }> = {}
      for (const [name, path] of Object.entries(SUITES)) {
        const perSec = await peakOf(gateway.port, path)
        const half = await atRate(gateway.port, path, perSec / 2)
        progress(`${name}: ${perSec} requests/s, P99 ${half.p99Ms} ms at ${half.perSec}`)
        figures[name] = { perSec, halfPerSec: half.perSec, halfP50Ms: half.p50Ms, halfP99Ms: half.p99Ms }
      }
      // At half of its own peak the requester would be what takes long.
      const control = await atRate(bareGet.port, () => `/${randomOrder()}`, figures.current!.perSec / 2)
      return {
        ...figures,
        controlPerSec: bare,
        controlP99Ms: control.p99Ms,
        ratio: Math.round((figures.current!.perSec / bare) * 100) / 100,
        halfP99Ms: Math.max(...Object.values(figures).map(({ halfP99Ms }) => halfP99Ms)),
      }
    } finally {
      await bareGet.stop()
      await stop()
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

/** As many requests a second as are answered. @throws when one failed */
async function peakOf(port: number, path: () => string): Promise<number> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    requests: pathsOf(path).map((path) => ({ method: 'GET' as const, path })),
    connections: CONNECTIONS,
    duration: PEAK_SECONDS,
  })
  const failed = result.errors + result.timeouts + result.non2xx
  if (failed > 0) throw new Error(`${failed} requests failed`)
  return Math.round(result.requests.average)
}

async function atRate(port: number, path: () => string, perSec: number): Promise<RequesterReport> {
  const report = await requestEvenly({ ...HALF, port, paths: pathsOf(path), perSec })
  return { ...report, p50Ms: round(report.p50Ms), p99Ms: round(report.p99Ms) }
}

const pathsOf = (path: () => string) => Array.from({ length: REQUESTS }, path)
const round = (value: number) => Math.round(value * 100) / 100
