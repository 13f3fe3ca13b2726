import { parseArgs } from 'node:util'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { drive } from './drive.ts'
import { type Route, TOPIC_ROUTES } from './routes.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run load:http -- [--url http://127.0.0.1:8080] [--seconds 5] [--connections 20] [--json]

Drives POST /v1/events (one event, and batches of 100) and the queries with autocannon, and prints one row a route.
Without --url it starts a private Redis, a gateway and a worker of its own and stops them again. Every route beside a bare
server: npm run bench -- http.

Examples:
  npm run load:http
  npm run load:http -- --url http://127.0.0.1:8080 --seconds 20`)
  process.exit(0)
}

const own = values.url === undefined ? await startGatewayAndWorker() : undefined
try {
  const url = values.url ?? `http://127.0.0.1:${own!.gateway.port}`
  const rows = []
  for (const [name, route] of Object.entries(TOPIC_ROUTES)) rows.push(await rowOf(url, name, route))
  if (values.json) console.log(JSON.stringify({ load: 'http', rows }))
  else console.table(rows)
  if (rows.some((row) => row.failed > 0)) process.exitCode = 1
} finally {
  await own?.stop()
}

async function rowOf(url: string, name: string, route: Route) {
  const options = { connections: Number(values.connections), seconds: Number(values.seconds) }
  const { perSec, p50Ms, p99Ms, failed } = await drive(url, route, options)
  return {
    route: name,
    'requests/s': perSec,
    'events/s': perSec * (route.eventsPerRequest ?? 0),
    'p50 ms': p50Ms,
    'p99 ms': p99Ms,
    failed,
  }
}
