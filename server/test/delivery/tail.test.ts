import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCommandConnection, openTopology, type Redis, untilReady } from '../../src/bus/index.ts'
import { Delivery } from '../../src/delivery/index.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { appendEvents, contractOf, SimulatedSocket, until } from './support.ts'

const PARTITIONS = 2
let server: TestRedis
let redis: Redis
let delivery: Delivery

beforeAll(async () => {
  server = await startTestRedis()
  redis = openCommandConnection(server.url, 'test')
  await untilReady(redis, 5_000)
})
afterAll(async () => {
  redis.disconnect()
  await server.close()
})
beforeEach(async () => {
  await redis.flushall()
  await openTopology(redis, PARTITIONS)
  delivery = new Delivery({ redisUrl: server.url, partitions: PARTITIONS, contract: contractOf(['a.x', 'a.y']) })
  await delivery.start()
})
afterEach(() => delivery.close({ deadlineMs: 1_000 }))

async function subscribed(topic: string, socket = new SimulatedSocket()): Promise<SimulatedSocket> {
  delivery.openSession(socket, {}).subscribe({ type: 'subscribe', sub: 1, topic })
  await until(() => socket.ofType('subscribed').length === 1, 'subscribed')
  return socket
}

describe('tail', () => {
  it('D-TAIL-1 delivers every event appended after the subscription was answered', async () => {
    await appendEvents(redis, 0, 'a.x', [{ id: 'before' }])
    const socket = await subscribed('a.*')
    await appendEvents(redis, 0, 'a.x', [{ id: '1' }, { id: '2' }])
    await appendEvents(redis, 1, 'a.y', [{ id: '3' }])
    await until(() => socket.events().length === 3, 'three events')
    expect(socket.ids().sort()).toEqual(['1', '2', '3'])
  })
})
