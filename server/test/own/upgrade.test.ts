import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { decodeEvents, type EventBody } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import type { Contract, Pane } from '../../src/config/contract/model.ts'
import { startGateway } from '../../src/gateway-app.ts'
import { defineConfig } from '../../src/index.ts'
import { version } from '../../src/package-files.ts'
import { startWorker } from '../../src/worker-app.ts'
import { logOf } from '../support/bus.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { startTestRedis } from '../support/redis.ts'
import before, { account, checked, overAll, perKey, reading } from './fixtures/format-1/tidegate.config.ts'

const PARTITIONS = 2
const MINUTE_MS = 60_000
/** When the readings of the fixture begin, 100 of them in three minutes. */
const BASE = Date.UTC(2035, 0, 1)
/** The fixture holds those before it, 13 of them in a window that is open, and two commands to an account. */
const FIRST = 80
const LAST = 120

/** What the version of commit 8fc2b3d left in Redis: 0.1.0, before there was a `tg:format`. */
const folder = await mkdtemp(join(tmpdir(), 'tidegate-upgrade-'))
await copyFile(join(import.meta.dirname, 'fixtures/format-1/dump.rdb'), join(folder, 'dump.rdb'))
const server = await startTestRedis(['--dir', folder, '--appendonly', 'no', '--dbfilename', 'dump.rdb'])
const redis = openCommandConnection(server.url, 'test')
await untilReady(redis, 5_000)
const running: { close(options: { deadlineMs: number }): Promise<void> }[] = []

afterAll(async () => {
  for (const one of running.reverse()) await one.close({ deadlineMs: 2_000 })
  redis.disconnect()
  await server.close()
  await rm(folder, { recursive: true })
})

const readings = Array.from({ length: LAST }, (_, n) => ({
  id: `r-${n}`,
  topic: 'a.reading',
  time: BASE + Math.floor((n * 3 * MINUTE_MS) / 100),
  data: { k: `k-${n % 5}`, v: n },
}))

async function startBoth(contract: Contract): Promise<string> {
  const shared = { redisUrl: server.url, partitions: PARTITIONS }
  const name = `n-${running.length}`
  const logged: string[] = []
  running.push(await startWorker({ ...shared, log: (line) => logged.push(line), workerId: `worker-${name}` }, contract))
  const listening = { host: '127.0.0.1', port: 0, sharedPort: false, node: `gateway-${name}` }
  const onDefect = ({ error }: { readonly error: unknown }) => expect.unreachable(String(error))
  const gateway = await startGateway({ ...shared, ...listening, delivery: DELIVERY_LIMITS, onDefect }, contract)
  running.push(gateway)
  return `http://127.0.0.1:${gateway.port}`
}

async function post(url: string, path: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  let answer: Response
  // Gateways settle the identity of another Redis first.
  do answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  while (answer.status === 503)
  return answer.json()
}

async function eventsOf(topic: string): Promise<EventBody[]> {
  const logs = Array.from({ length: PARTITIONS }, (_, p) => logOf(redis, p).range(topic, '-', '+', 10_000))
  return (await Promise.all(logs)).flat().flatMap(({ payload }) => decodeEvents(payload))
}

/** `key/minute/revision` -> count and sum, of the windows that are closed by the last reading. */
async function panesOf(topic: string): Promise<Record<string, unknown>> {
  const panes = (await eventsOf(topic)).map(({ data }) => data as Pane)
  expect(panes.every(({ start }) => start < BASE + 3 * MINUTE_MS)).toBe(true)
  const named = panes.map(({ key, start, revision, value }) => [
    `${key}/${(start - BASE) / MINUTE_MS}/${revision}`,
    value,
  ])
  expect(new Set(named.map(([name]) => name)).size).toBe(named.length)
  return Object.fromEntries(named)
}

function expectedPanes(groupOf: (key: string) => string): Record<string, unknown> {
  const panes: Record<string, { count: number; sum: number }> = {}
  for (const { time, data } of readings) {
    const minute = Math.floor((time - BASE) / MINUTE_MS)
    if (minute > 2) continue
    const name = `${groupOf(data.k)}/${minute}/0`
    const { count, sum } = panes[name] ?? { count: 0, sum: 0 }
    panes[name] = { count: count + 1, sum: sum + data.v }
  }
  return panes
}

it('B-CONTRACT-8 B-FORMAT-1 an upgrade - data of an earlier version continue, exactly, and another contract takes over', async () => {
  const url = await startBoth(before.contract)
  expect(await redis.get(keys.format)).toBe(`1 ${version()}`)
  expect(await post(url, '/v1/events', readings.slice(FIRST))).toMatchObject({ accepted: LAST - FIRST, rejected: [] })
  await expect.poll(() => panesOf('a.1m')).toEqual(expectedPanes((key) => key))
  await expect.poll(() => panesOf('a.all')).toEqual(expectedPanes(() => '*'))
  const ids = (await eventsOf('a.checked')).map(({ id }) => id)
  expect(ids.sort()).toEqual(readings.map(({ id }) => id).sort())
  expect(await post(url, '/v1/entities/account/acc-1/add', { amount: 30 })).toMatchObject({ version: 3 })
  const entity = await (await fetch(`${url}/v1/entities/account/acc-1`)).json()
  expect(entity).toMatchObject({ version: 3, view: { balance: 42 } })
  const later = reading.window('a.later', { tumbling: '1m', aggregate: { count: 'count' } })
  const after = defineConfig({ topics: [reading, checked, perKey, overAll, later], entities: [account] }).contract
  const next = await startBoth(after)
  expect(JSON.parse((await redis.hget(keys.contractHead, 'state'))!)).toMatchObject({ generation: 1, hash: after.hash })
  expect(await post(next, '/v1/entities/account/acc-1/add', { amount: 1 })).toMatchObject({ version: 4 })
  expect(await panesOf('a.1m')).toEqual(expectedPanes((key) => key))
})
