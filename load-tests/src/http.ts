import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { startTidegate } from './support/processes.ts'
import { startBenchRedis } from './support/redis.ts'

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

Drives POST /v1/events (one event, and batches of 100) and the queries with autocannon, and prints one row a suite.
Without --url it starts a private Redis, a gateway and a worker of its own and stops them again.

Examples:
  npm run load:http
  npm run load:http -- --url http://127.0.0.1:8080 --seconds 20`)
  process.exit(0)
}

interface Suite {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
  readonly eventsPerRequest: number
}

const reading = (n: number) => ({
  topic: 'sensor.reading',
  data: { sensorId: `load-${n}`, temperature: 20 + (n % 64) / 64, humidity: 40 },
})
const batch = Array.from({ length: 100 }, (_, n) => reading(n))

const SUITES: readonly Suite[] = [
  { name: 'publish 1', method: 'POST', path: '/v1/events', body: JSON.stringify(reading(1)), eventsPerRequest: 1 },
  { name: 'publish 100', method: 'POST', path: '/v1/events', body: JSON.stringify(batch), eventsPerRequest: 100 },
  { name: 'topics', method: 'GET', path: '/v1/topics', eventsPerRequest: 0 },
  { name: 'window, one key', method: 'GET', path: '/v1/windows/sensor.10s?key=load-1', eventsPerRequest: 0 },
  { name: 'history of 100', method: 'GET', path: '/v1/history?topic=sensor.reading&limit=100', eventsPerRequest: 0 },
]

const own = values.url === undefined ? await startOwnServer() : undefined
try {
  const url = values.url ?? own!.url
  const rows = []
  for (const suite of SUITES) rows.push(await drive(url, suite))
  if (values.json) console.log(JSON.stringify({ load: 'http', rows }))
  else console.table(rows)
  if (rows.some((row) => row.failed > 0)) process.exitCode = 1
} finally {
  await own?.stop()
}

async function drive(url: string, { name, method, path, body, eventsPerRequest }: Suite) {
  const result = await autocannon({
    url: url + path,
    method,
    connections: Number(values.connections),
    duration: Number(values.seconds),
    ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
  })
  return {
    suite: name,
    'requests/s': Math.round(result.requests.average),
    'events/s': Math.round(result.requests.average * eventsPerRequest),
    'p50 ms': result.latency.p50,
    'p99 ms': result.latency.p99,
    failed: result.errors + result.timeouts + result.non2xx,
  }
}

async function startOwnServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const redis = await startBenchRedis()
  const env = { REDIS_URL: redis.url }
  const gateway = await startTidegate(['gateway', '--port', '0'], env)
  const worker = await startTidegate(['worker'], env)
  return {
    url: `http://127.0.0.1:${gateway.port}`,
    async stop() {
      await Promise.all([gateway.stop(), worker.stop()])
      await redis.close()
    },
  }
}
