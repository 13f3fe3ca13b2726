import { fileURLToPath } from 'node:url'
import { createClient, type TidegateClient } from '@tidegate/client/node'
import { entityHash, trailList } from '../../../server/src/bus/entities/entity-name.ts'
import { partitionOf } from '../../../server/src/bus/index.ts'
import { keys } from '../../../server/src/bus/keys.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { openBench } from '../support/catch-up.ts'
import { type Both, startBoth } from '../support/gateway-and-worker.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { residentBytes, usedBytes } from '../support/memory.ts'
import { percentile } from '../support/percentile.ts'
import { startBenchRedis } from '../support/redis.ts'
import type config from './size.config.ts'

const CONFIGS = ['./size.config.ts', './size-2.config.ts'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
const ENTITIES = 100_000
/** Events of each after its first one: 1,000,000 in all. */
const MORE_EVENTS = 9
const CLIENTS = 8
/** Commands that a client has without an outcome. */
const IN_FLIGHT = 60
/** Entities with a long trail. */
const LONG = 5
const LONG_EVENTS = 10_000
/** As many as one command may decide. */
const AT_ONCE = 50
const MEMORY_CALLS = 1_000
/** Entities that are asked before the long ones are, so that code is compiled; then some one by one. */
const WARM_UP = 3_000
const WARM_UP_QUERIES = 500
const SHORT = 50
const MB = 1_048_576

type Client = TidegateClient<typeof config>

export const entitySize: Benchmark = {
  description: `Memory of ${ENTITIES} entities with 1,000,000 events, and how soon one of ${LONG_EVENTS} events is folded anew`,
  control: 'none: memory and times are absolute',
  notMeasured: 'larger states and events; what Redis needs for answers, and while it rewrites its append-only file',
  async run(progress) {
    const redis = await startBenchRedis()
    let connection: Redis | undefined
    let deployment: Both | undefined
    try {
      connection = await openBench(redis.url)
      deployment = await startBoth(redis.url, CONFIGS[0]!)
      const { port } = deployment.gateway
      const emptyWorker = await residentBytes(deployment.worker.pid)
      progress(`${ENTITIES} entities with an event each`)
      await eachEntity(port, (client, key) => client.command('account', key, 'deposit', { amount: 1, times: 1 }))
      const one = await entityBytes(connection)
      progress(`${MORE_EVENTS} more events each`)
      await eachEntity(port, (client, key) =>
        client.command('account', key, 'deposit', { amount: 1, times: MORE_EVENTS }),
      )
      const all = await entityBytes(connection)
      const fullWorker = await residentBytes(deployment.worker.pid)
      const usedMb = usedBytes(await connection.info('memory')) / MB
      progress(`${LONG} entities with ${LONG_EVENTS} events`)
      await writeLong(port)
      progress('the same under another version of the entity')
      await deployment.stop()
      deployment = await startBoth(redis.url, CONFIGS[1]!)
      const { loadedMs, shortMs, atVersionMs } = await askLong(deployment.gateway.port)
      return {
        bytesPerEntity: Math.round(one / ENTITIES),
        bytesPerEvent: Math.round((all - one) / (ENTITIES * MORE_EVENTS)),
        entitiesMb: Math.round(all / MB),
        redisMb: Math.round(usedMb),
        workerMb: Math.round(fullWorker / MB),
        workerGrownMb: Math.round((fullWorker - emptyWorker) / MB),
        longLoadedMs: rounded(loadedMs),
        shortLoadedMs: rounded(shortMs),
        atVersion5000Ms: rounded(atVersionMs),
      }
    } finally {
      await deployment?.stop()
      connection?.disconnect()
      await redis.close()
    }
  },
}

/** Sends a command to every entity, through several clients that keep some in flight. */
async function eachEntity(port: number, send: (client: Client, key: string) => Promise<unknown>): Promise<void> {
  let next = 0
  const keepSending = async (client: Client) => {
    while (next < ENTITIES) await send(client, `account-${next++}`)
  }
  const clients = Array.from({ length: CLIENTS }, () => openClient(port))
  await Promise.all(clients.flatMap((client) => Array.from({ length: IN_FLIGHT }, () => keepSending(client))))
  await Promise.all(clients.map((client) => client.close({ deadlineMs: 1_000 })))
}

async function writeLong(port: number): Promise<void> {
  const client = openClient(port)
  for (let written = 0; written < LONG_EVENTS; written += AT_ONCE) {
    await Promise.all(longKeys().map((key) => client.command('account', key, 'deposit', { amount: 1, times: AT_ONCE })))
  }
  await client.close({ deadlineMs: 1_000 })
}

/** How long commands and queries take that fold a trail: medians, answers included, ms. */
async function askLong(port: number) {
  const client = openClient(port)
  const timed = async (body: () => Promise<unknown>) => {
    const startedAt = performance.now()
    await body()
    return performance.now() - startedAt
  }
  const accounts = (from: number, count: number) => Array.from({ length: count }, (_, n) => `account-${from + n}`)
  await Promise.all(accounts(0, WARM_UP).map((key) => client.command('account', key, 'balance', {})))
  for (const key of accounts(0, WARM_UP_QUERIES)) await client.entity('account', key).get({ version: 5 })
  const short: number[] = []
  for (const key of accounts(WARM_UP, SHORT)) {
    short.push(await timed(() => client.command('account', key, 'balance', {})))
  }
  const loaded: number[] = []
  const atVersion: number[] = []
  for (const key of longKeys()) {
    loaded.push(
      await timed(async () => {
        const { reply } = await client.command('account', key, 'balance', {})
        expectBalance(reply, LONG_EVENTS)
      }),
    )
  }
  for (const key of longKeys()) {
    atVersion.push(
      await timed(async () => {
        const { view } = await client.entity('account', key).get({ version: LONG_EVENTS / 2 })
        expectBalance(view, LONG_EVENTS / 2)
      }),
    )
  }
  await client.close({ deadlineMs: 1_000 })
  return { shortMs: percentile(short, 0.5), loadedMs: percentile(loaded, 0.5), atVersionMs: percentile(atVersion, 0.5) }
}

function expectBalance(found: unknown, balance: number): void {
  if ((found as { balance?: unknown }).balance !== balance) {
    throw new Error(`${JSON.stringify(found)} is not a balance of ${balance}`)
  }
}

const longKeys = () => Array.from({ length: LONG }, (_, n) => `long-${n}`)
const openClient = (port: number): Client => createClient<typeof config>({ url: `http://127.0.0.1:${port}` })
const rounded = (ms: number) => Math.round(ms * 10) / 10

/** What Redis needs for states and trails, without the logs and answers that commands leave for a time. */
async function entityBytes(redis: Redis): Promise<number> {
  let bytes = 0
  for (let partition = 0; partition < PARTITIONS; partition++) {
    bytes += Number(await redis.call('MEMORY', 'USAGE', keys.owned(partition, entityHash('account')), 'SAMPLES', 0))
  }
  for (let from = 0; from < ENTITIES; from += MEMORY_CALLS) {
    const part = Array.from({ length: MEMORY_CALLS }, (_, i) => `account-${from + i}`)
    const sizes = await Promise.all(
      part.map((key) =>
        redis.call('MEMORY', 'USAGE', keys.owned(partitionOf(key, PARTITIONS), trailList('account', key))),
      ),
    )
    for (const size of sizes) bytes += Number(size)
  }
  return bytes
}
