import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@tidegate/client/node'
import { afterEach, expect, it } from 'vitest'
import { ANSWERS_TOPIC, type Bus, COMMANDS_TOPIC, partitionOf } from '../../src/bus/index.ts'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import type { ReadinessReport } from '../../src/gateway/readiness.ts'
import { openTestBus } from '../support/bus.ts'
import { readingOf } from '../support/contract.ts'
import { entityContract } from '../support/entity-contract.ts'
import { StandInOwner } from '../support/stand-in-owner.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useRedis } from '../support/use-redis.ts'

const server = await useGateway(entityContract, { ackReplicas: 1 })
const { server: replica, redis: copy } = await useRedis()

const idsOfCopy = async () => {
  const keys = await copy.keys('*:log:sensor.reading')
  const logs = await Promise.all(keys.map((key) => copy.xrange(key, '-', '+')))
  return logs.flat(2).flatMap((fields) => [...`${fields}`.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id))
}

afterEach(() => copy.replicaof('NO', 'ONE'))

async function replicate(): Promise<void> {
  const master = openCommandConnection(server.redis.url, 'test')
  await untilReady(master, 5_000)
  // It would wait five seconds for more replicas.
  await master.config('SET', 'repl-diskless-sync-delay', '0')
  master.disconnect()
  await copy.replicaof('127.0.0.1', server.redis.port)
  await expect.poll(async () => String(await copy.info('replication')), { timeout: 5_000 }).toContain('link_status:up')
}

it('B-APPEND-11 acknowledges only what the replica has, and again what it got late', { timeout: 20_000 }, async () => {
  const post = async (id: string) => {
    const response = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': id },
      body: JSON.stringify({ id, topic: 'sensor.reading', ...readingOf('s-1') }),
    })
    return { status: response.status, body: await response.json() }
  }
  await replicate()
  await expect.poll(() => post('first'), { timeout: 5_000 }).toMatchObject({ status: 200 })
  expect(await idsOfCopy()).toEqual(['first'])

  process.kill(replica.pid, 'SIGSTOP')
  const client = createClient({ url: server.url })
  try {
    expect((await post('unseen')).status).toBe(503)
    let isAcked = false
    const published = client.publish('sensor.reading', { id: 'waits', ...readingOf('s-1') }).then((receipt) => {
      isAcked = true
      return receipt
    })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(isAcked).toBe(false)
    process.kill(replica.pid, 'SIGCONT')
    await published
    // With a key nothing of a request is stored before its key is, on the replica too.
    await expect
      .poll(() => post('unseen'), { timeout: 5_000 })
      .toMatchObject({ status: 200, body: { duplicate: true } })
    expect(await idsOfCopy()).toEqual(expect.arrayContaining(['first', 'unseen', 'waits']))
  } finally {
    process.kill(replica.pid, 'SIGCONT')
    await client.close({ deadlineMs: 100 })
  }
})

it('B-CANARY-3 /readyz is red while publishes would fail for lack of replicas, though nobody publishes', async () => {
  const red = async () => {
    const report = (await (await fetch(`${server.url}/readyz`)).json()) as ReadinessReport
    return report.red.flatMap((part) => (part.part === 'breaker' ? [part.class] : []))
  }
  await expect.poll(red, { interval: 20 }).toEqual(['append'])
  // It is tried again and again: each time Redis takes the write.
  for (const deadline = performance.now() + 1_500; performance.now() < deadline; await sleep(20)) {
    expect(await red()).toEqual(['append'])
  }
  await replicate()
  await expect.poll(red).toEqual([])
})

it('CMD-ANSWER-6 B-REPLICAS-1 an outcome leaves once the replica has its commit', { timeout: 20_000 }, async () => {
  const bus: Bus = await openTestBus(server.redis.url, 4)
  const owner = new StandInOwner(bus)
  owner.paused = true
  const log = bus.log(partitionOf('42', 4), 'query')
  const entriesOf = (topic: string) => log.range(topic, '-', '+', 10)
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'c-1' }
  const send = async (deadlineMs: number) => {
    const url = `${server.url}/v1/entities/user/42/changeEmail?deadlineMs=${deadlineMs}`
    const response = await fetch(url, { method: 'POST', headers, body: '{}' })
    return { status: response.status, location: response.headers.get('location')! }
  }
  await replicate()
  try {
    let location = ''
    const pending = async () => {
      const sent = await send(100)
      location = sent.location
      return sent.status
    }
    await expect.poll(pending, { timeout: 5_000 }).toBe(202)
    // One that was refused because a busy machine confirmed it too late was stored all the same.
    await expect.poll(() => entriesOf(COMMANDS_TOPIC)).not.toEqual([])
    process.kill(replica.pid, 'SIGSTOP')
    owner.paused = false
    await expect.poll(() => entriesOf(ANSWERS_TOPIC)).not.toEqual([])
    // It joins the one that is pending, whose answer was read; once the breaker has noticed the replica, it is refused.
    expect([202, 503]).toContain((await send(500)).status)
    expect((await fetch(server.url + location)).status).toBe(503)
    process.kill(replica.pid, 'SIGCONT')
    await expect.poll(() => send(10_000)).toMatchObject({ status: 200 })
    await expect.poll(async () => (await fetch(server.url + location)).status).toBe(200)
  } finally {
    process.kill(replica.pid, 'SIGCONT')
    await owner.close()
    bus.close()
  }
})
