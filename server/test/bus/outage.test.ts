import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BREAKER_LIMITS, type BusClass, BusUnavailable, type GuardState } from '../../src/bus/index.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { openGuard } from '../../src/bus/nodes/probe.ts'
import { openCommandConnection, type Redis, receivedOver, untilReady } from '../../src/bus/redis/connection.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { SlowLink } from '../support/slow-link.ts'

const CLASSES: readonly BusClass[] = ['append', 'commit', 'tail', 'query', 'jobs']

let server: TestRedis
let redis: Redis

beforeEach(async () => {
  server = await startTestRedis()
  redis = openCommandConnection(server.url, 'test')
  await untilReady(redis, 5_000)
})
afterEach(async () => {
  redis.disconnect()
  await server.close()
})

function opened(busClass: BusClass = 'query', limits = {}) {
  const changes: GuardState['state'][] = []
  const onChange = ({ state }: GuardState) => changes.push(state)
  return {
    guard: openGuard(redis, busClass, {
      probedKey: () => 'tg:probe',
      limits: { ...BREAKER_LIMITS, ...limits },
      onChange,
    }),
    changes,
  }
}

const tries = async (guard: Guard, count: number, call: () => Promise<unknown>) => {
  for (let i = 0; i < count; i++) await guard.run(call).catch(() => {})
}

describe('what counts as an outage', () => {
  it('B-GUARD-3 refusals of Redis never open a breaker, whatever was asked of it', async () => {
    const { guard, changes } = opened()
    await redis.set('text', 'x')
    await tries(guard, 10, () => redis.xrange('log', 'garbage', '+'))
    await tries(guard, 10, () => redis.hget('text', 'field'))
    await tries(guard, 10, () => redis.hscan('hash', '99999999999999999999999'))
    await tries(guard, 10, () => redis.evalsha('0'.repeat(40), 0))
    expect(changes).toEqual([])
    guard.close()
  })

  it('B-GUARD-3 a Redis that says it cannot serve is out of order, for reads or for writes alone', async () => {
    await redis.config('SET', 'min-replicas-to-write', '3')
    const writes = opened('append')
    const reads = opened('query')
    await tries(writes.guard, 3, () => redis.set('a', 'b'))
    await tries(reads.guard, 3, () => redis.get('a'))
    expect(writes.changes).toEqual(['open'])
    expect(reads.changes).toEqual([])
    // Its probe writes too: otherwise it would close while nothing can be written.
    await sleep(1_200)
    expect(writes.guard.state.state).not.toBe('closed')
    await redis.config('SET', 'min-replicas-to-write', '0')
    await expect.poll(() => writes.guard.state.state, { timeout: 3_000 }).toBe('closed')
    writes.guard.close()
    reads.guard.close()
  })

  it.each(['SIGKILL', 'SIGSTOP'] as const)('B-GUARD-4 every call to a Redis after %s is an outage', async (signal) => {
    const { guard, changes } = opened()
    process.kill(server.pid, signal)
    for (let i = 0; i < 3; i++)
      expect(await guard.run(() => redis.get('a')).catch((e) => e)).toBeInstanceOf(BusUnavailable)
    expect(changes).toEqual(['open'])
    guard.close()
  })

  it('B-GUARD-4 calls on a connection that was closed, or never came about, are outages', async () => {
    const nobody = openCommandConnection('redis://127.0.0.1:1', 'test')
    const closed = openCommandConnection(server.url, 'test')
    await untilReady(closed, 5_000)
    closed.disconnect()
    for (const connection of [nobody, closed]) {
      const { guard, changes } = opened()
      for (let i = 0; i < 3; i++) {
        expect(await guard.run(() => connection.get('a')).catch((e) => e)).toBeInstanceOf(BusUnavailable)
      }
      expect(changes).toEqual(['open'])
      guard.close()
    }
    nobody.disconnect()
  })
})

describe('probes', () => {
  it('B-GUARD-6 the breaker of every class closes by itself when Redis is back, without traffic', async () => {
    const all = CLASSES.map((busClass) => opened(busClass, { failures: 1 }))
    process.kill(server.pid, 'SIGSTOP')
    await Promise.all(all.map(({ guard }) => guard.run(() => redis.ping()).catch(() => {})))
    expect(all.map(({ changes }) => changes[0])).toEqual(CLASSES.map(() => 'open'))
    process.kill(server.pid, 'SIGCONT')
    const states = () => all.map(({ guard }) => guard.state.state)
    await expect.poll(states).toEqual(CLASSES.map(() => 'closed'))
    for (const { guard } of all) guard.close()
  })
})

describe('large answers', () => {
  it('B-GUARD-7 an answer of several seconds is given, and opens no breaker', async () => {
    const link = await SlowLink.to(server.port, 1_000_000)
    const far = openCommandConnection(`redis://127.0.0.1:${link.port}`, 'test')
    await untilReady(far, 5_000)
    await redis.set('large', 'x'.repeat(2_500_000))
    const changes: string[] = []
    const guard = new Guard('query', { onChange: ({ state }) => changes.push(state) })
    const answer = await guard.run(() => far.get('large'), { receivedBytes: receivedOver(far) })
    expect(answer).toHaveLength(2_500_000)
    expect(changes).toEqual([])
    far.disconnect()
    link.close()
  })
})
