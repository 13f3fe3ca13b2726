import { beforeEach, describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { CurrentExpiry } from '../../src/own/current-expiry.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { currentKey } from '../support/bus.ts'
import { reading } from '../support/fold.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const short = reading.window('a.short', { tumbling: '10s', retention: '1h', aggregate: { count: 'count' } })
const long = reading.window('a.long', { tumbling: '10s', retention: '3h', aggregate: { count: 'count' } })
const pipeline = new Pipeline(defineConfig({ topics: [reading, short, long] }).contract)
const [SHORT, LONG] = [currentKey(0, 'a.short'), currentKey(0, 'a.long')]
const { server, redis } = await useRedis()
const opened = useBus(server, 1)

beforeEach(async () => {
  await redis.hset(keys.meta(0), 'token', 't')
})

async function hold(hash: string, count: number, ageMs: number): Promise<void> {
  const at = Date.now() - ageMs
  const fields = Array.from({ length: count }, (_, n) => [
    `${ageMs}-${n}`,
    `${at}-0.${n} {"id":"x","padding":"${'p'.repeat(80)}"}`,
  ])
  for (let n = 0; n < count; n += 1_000) await redis.hset(hash, ...fields.slice(n, n + 1_000).flat())
}

describe('expiry of latest results', () => {
  it('W-TRIM-2 removes what is older than the retention of its topic, and nothing else', async () => {
    for (const hash of [SHORT, LONG]) {
      await hold(hash, 3_000, 2 * HOUR_MS)
      await hold(hash, 100, HOUR_MS / 2)
    }
    const expiry = new CurrentExpiry(new PartitionStore(0, opened.bus), pipeline, 1)
    await until(async () => {
      await expiry.expireWhenDue('t')
      return (await redis.hlen(SHORT)) === 100
    }, 'what is too old is gone')
    expect(Object.keys(await redis.hgetall(SHORT)).every((key) => key.startsWith(`${HOUR_MS / 2}-`))).toBe(true)
    expect(await redis.hlen(LONG)).toBe(3_100)
  })

  it('W-TRIM-2 B-LEASE-2 removes nothing for an owner that was replaced, and looks at few at a time', async () => {
    await hold(SHORT, 5_000, 2 * HOUR_MS)
    const store = new PartitionStore(0, opened.bus)
    await new CurrentExpiry(store, pipeline, 1).expireWhenDue('another')
    expect(await redis.hlen(SHORT)).toBe(5_000)
    await new CurrentExpiry(store, pipeline, 1).expireWhenDue('t')
    const left = await redis.hlen(SHORT)
    expect(left).toBeLessThan(5_000)
    expect(left).toBeGreaterThan(4_000)
  })
})
