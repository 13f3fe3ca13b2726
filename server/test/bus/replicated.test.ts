import { createClient } from '@tidegate/client/node'
import { expect, it } from 'vitest'
import { openCommandConnection, untilReady } from '../../src/bus/connection.ts'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useRedis } from '../support/use-redis.ts'

const server = await useGateway(undefined, { ackReplicas: 1 })
const { server: replica, redis: copy } = await useRedis()

const idsOfCopy = async () => {
  const keys = await copy.keys('*:log:sensor.reading')
  const logs = await Promise.all(keys.map((key) => copy.xrange(key, '-', '+')))
  return logs.flat(2).flatMap((fields) => [...`${fields}`.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id))
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
  expect((await post('alone')).status).toBe(503)
  const master = openCommandConnection(server.redis.url, 'test')
  await untilReady(master, 5_000)
  // It would wait five seconds for more replicas.
  await master.config('SET', 'repl-diskless-sync-delay', '0')
  master.disconnect()
  await copy.replicaof('127.0.0.1', server.redis.port)
  await expect.poll(async () => String(await copy.info('replication')), { timeout: 5_000 }).toContain('link_status:up')
  await expect.poll(() => post('alone'), { timeout: 5_000 }).toMatchObject({ status: 200, body: { duplicate: true } })
  expect(await idsOfCopy()).toEqual(['alone'])

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
    await expect.poll(() => post('unseen'), { timeout: 5_000 }).toMatchObject({ status: 200 })
    expect(await idsOfCopy()).toEqual(expect.arrayContaining(['alone', 'unseen', 'waits']))
  } finally {
    process.kill(replica.pid, 'SIGCONT')
    await client.close({ deadlineMs: 100 })
  }
})
