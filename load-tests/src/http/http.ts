import { fileURLToPath } from 'node:url'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { ask, startModule, untilReady } from '../support/processes.ts'
import type { ControlAnswer } from './control-server.ts'
import { drive } from './drive.ts'
import { OTHER_ROUTES, type Route, TOPIC_ROUTES } from './routes.ts'

const CONFIG = fileURLToPath(new URL('./http.config.ts', import.meta.url))
const CONNECTIONS = 20
const SECONDS = 3
/** Code is compiled meanwhile. */
const WARM_UP_SECONDS = 1
const ROUTES: Readonly<Record<string, Route>> = { ...TOPIC_ROUTES, ...OTHER_ROUTES }

export const http: Benchmark = {
  description: 'Requests per second of every HTTP route, by autocannon over 20 connections',
  control: 'uWebSockets.js alone, which parses the same body as JSON and answers the same bytes',
  notMeasured:
    'event streams, which have no end; networks other than loopback; autocannon, gateway, worker and Redis share the cores',
  parts: Object.keys(ROUTES),
  async run(progress, { parts = Object.keys(ROUTES) }) {
    const { gateway, stop } = await startGatewayAndWorker(CONFIG)
    const child = startModule(new URL('./control-server.ts', import.meta.url))
    const control = await untilReady(child)
    const [url, controlUrl] = [gateway, control].map(({ port }) => `http://127.0.0.1:${port}`) as [string, string]
    try {
      const figures: Record<string, Figures> = {}
      // What they read must be there.
      for (const route of [TOPIC_ROUTES.publish100, OTHER_ROUTES.command]) await answerOf(url, route)
      for (const name of parts) {
        const route = ROUTES[name]!
        await ask(child, await answerOf(url, route))
        for (const server of [controlUrl, url]) {
          await drive(server, route, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS })
        }
        const bare = await drive(controlUrl, route, { connections: CONNECTIONS, seconds: SECONDS })
        const own = await drive(url, route, { connections: CONNECTIONS, seconds: SECONDS })
        if (own.failed > 0) throw new Error(`${own.failed} requests to ${route.path} failed`)
        const ratio = Math.round((own.perSec / bare.perSec) * 100) / 100
        figures[name] = {
          requestsPerSec: own.perSec,
          p50Ms: own.p50Ms,
          p99Ms: own.p99Ms,
          controlRequestsPerSec: bare.perSec,
          ratio,
        }
        progress(`${name}: ${own.perSec} requests/s, p99 ${own.p99Ms} ms, control ${bare.perSec}, ratio ${ratio}`)
      }
      return figures
    } finally {
      await Promise.all([stop(), control.stop()])
    }
  },
}

/** What the gateway answers, which the control is to answer too. @throws where it refuses */
async function answerOf(url: string, { method, path, body }: Route): Promise<ControlAnswer> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`)
  return { body: text, contentType: response.headers.get('content-type') ?? 'application/json' }
}
