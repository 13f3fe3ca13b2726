import { parseArgs } from 'node:util'
import { createTestServer } from '@tidegate/client/testing'
import { WebSocket } from 'ws'
import { startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import config from './disconnects.config.ts'
import { runDisconnects } from './disconnects.ts'
import type { PlayerOptions } from './player.ts'

const { values } = parseArgs({
  options: {
    disconnects: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '50' },
    seed: { type: 'string' },
    memory: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run disconnects -- [--disconnects 10000] [--clients 50] [--seed n] [--memory] [--json]

Clients publish and subscribe while their connections break, lag and drain, and their frames are refused, at random. Each
acknowledged event must be stored once, in the order of its key, and reach every subscription; every promise must be settled,
and no timer or socket be left once the clients are closed. Exits 1 unless all of it holds (docs/test-server.md).

  --seed n     decides what the clients do; not how it interleaves. The fault of one client names its own seed.
  --memory     against the server in memory instead of a gateway

Examples:
  npm run disconnects
  npm run disconnects -- --seed 4711 --clients 1 --disconnects 200 --memory`)
  process.exit(0)
}

const PARTITIONS = 4

interface Server extends Omit<PlayerOptions, 'name'> {
  stop(): Promise<void>
}

function memoryServer(): Server {
  const { WebSocket } = createTestServer({ config, partitions: PARTITIONS })
  return { url: 'ws://test', WebSocket, stop: async () => {} }
}

async function gatewayServer(): Promise<Server> {
  const redis = await startBenchRedis()
  const env = { REDIS_URL: redis.url, TIDEGATE_PARTITIONS: `${PARTITIONS}`, TIDEGATE_MAX_LAG_MS: '10000' }
  const path = new URL('./disconnects.config.ts', import.meta.url).pathname
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', path], env)
  return {
    ...{ url: `ws://127.0.0.1:${gateway.port}`, WebSocket: WebSocket as unknown as Server['WebSocket'] },
    async stop() {
      await gateway.stop()
      await redis.close()
    },
  }
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const log = (message: string) => console.error(`[disconnects] ${message}`)
log(`seed ${seed}`)
const startedAt = performance.now()
const { stop, ...server } = values.memory ? memoryServer() : await gatewayServer()
const report = await runDisconnects({
  ...{ ...server, seed, partitions: PARTITIONS },
  disconnects: Number(values.disconnects),
  clients: Number(values.clients),
  onProgress: (count) => log(`${count} disconnects`),
})
await stop()
const seconds = Math.round((performance.now() - startedAt) / 1_000)
for (const fault of report.faults.slice(0, 20)) log(fault.slice(0, 400))
const summary = { ...report, faults: report.faults.length, seconds, ok: report.faults.length === 0 }
console.log(values.json ? JSON.stringify(summary) : summary)
process.exit(summary.ok ? 0 : 1)
