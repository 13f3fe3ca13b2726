import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { partialsTopic } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { mergersOf } from '../../src/fold/partition-windows.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { foreignLog } from '../../src/fold/progress.ts'
import { defineConfig, entity } from '../../src/index.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { Trimmer } from '../../src/own/trimmer.ts'
import { logOf } from '../support/bus.ts'
import { other, reading } from '../support/fold.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const HOUR_MS = 60 * 60 * 1_000
const NOW = Date.now()
const TRIM_MS = 60_000
const window = reading.window('a.all', { tumbling: '10s', groupBy: null, aggregate: { count: 'count' } })
const byField = reading.window('a.by_k', { tumbling: '10s', groupBy: 'k', aggregate: { count: 'count' } })
const pipeline = new Pipeline(defineConfig({ topics: [reading, other, window, byField] }).contract)
const live = entity('counter', {
  ...{ key: 'id', version: 1, state: { initial: {} }, events: {}, evolve: {}, commands: {} },
  publish: ['state'],
})
const { contract: withEntity } = defineConfig({ topics: [], entities: [live] })
const { server, redis } = await useRedis()
const opened = useBus(server, 2)

beforeAll(async () => {
  // So that every entry is a node of its own and trimming stops nowhere else.
  await redis.config('SET', 'stream-node-max-entries', '1')
})
beforeEach(async () => {
  await redis.hset(keys.meta(0), 'token', 't')
})
afterEach(() => vi.useRealTimers())

const fill = async (topic: string, ...times: readonly number[]) => {
  for (const time of times) await redis.xadd(keys.log(0, topic), `${time}-0`, 'd', '')
}
const left = async (topic: string) =>
  (await redis.xrange(keys.log(0, topic), '-', '+')).map(([id]) => Number(id.split('-')[0]))

async function trim(committed: Record<string, string>, processClockMs = 0, of = pipeline): Promise<void> {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
  const trimmer = new Trimmer(new PartitionStore(0, opened.bus), of, 2)
  vi.advanceTimersByTime(TRIM_MS)
  vi.setSystemTime(NOW + processClockMs)
  await trimmer.trimWhenDue(await logOf(redis, 0).version(), 't', () => new Map(Object.entries(committed)))
}

const old = (hours: number) => NOW - hours * HOUR_MS

describe('trimmer', () => {
  it('W-TRIM-1 removes what is older than its retention', async () => {
    await fill('a.reading', old(30), old(25), old(20))
    await fill('a.other', old(30), old(20))
    await fill('a.all', old(8 * 24), old(30), old(20))
    await trim({ 'a.reading': `${old(1)}-0` })
    expect(await left('a.reading')).toEqual([old(20)])
    expect(await left('a.other')).toEqual([old(20)])
    expect(await left('a.all')).toEqual([old(30), old(20)])
  })

  it('W-TRIM-3 removes what entities leave when it is due, within a node too', async () => {
    await redis.config('SET', 'stream-node-max-entries', '100')
    await fill('~commands', old(2), old(1), old(0))
    await fill('~answers', old(4), old(2))
    await fill('~commands~dead', old(30), old(20))
    await fill('counter.state', old(30), old(20))
    await trim({ '~commands': `${old(0)}-0.1` }, 0, new Pipeline(withEntity))
    await redis.config('SET', 'stream-node-max-entries', '1')
    expect(await left('~commands')).toEqual([old(0)])
    expect(await left('~answers')).toEqual([old(2)])
    expect(await left('~commands~dead')).toEqual([old(20)])
    expect(await left('counter.state')).toEqual([old(20)])
    expect(await redis.hget(keys.meta(0), 'trim:~commands')).toBe(`${old(1)}-0`)
  })

  it('W-TRIM-1 keeps what is not committed yet', async () => {
    await fill('a.reading', old(30), old(28), old(26))
    await trim({ 'a.reading': `${old(28)}-0` })
    expect(await left('a.reading')).toEqual([old(28), old(26)])
    await trim({})
    expect(await left('a.reading')).toEqual([old(28), old(26)])
  })

  it('W-BACKFILL-5 keeps what a backfill has yet to read, until nobody has worked on it for 10 minutes', async () => {
    await fill('a.reading', old(30), old(28), old(26))
    const workedOn = (ms: number) =>
      redis.hset(keys.backfill(0, 'a.by_k'), {
        ...{ version: 'v', status: 'open', heartbeat: NOW - ms },
        offsets: JSON.stringify({ 'a.reading': `${old(28)}-0` }),
      })
    await workedOn(9 * 60_000)
    await trim({ 'a.reading': `${old(1)}-0` })
    expect(await left('a.reading')).toEqual([old(28), old(26)])
    await workedOn(11 * 60_000)
    await trim({ 'a.reading': `${old(1)}-0` })
    expect(await left('a.reading')).toEqual([])
  })

  it.each([
    ['back', -2 * HOUR_MS],
    ['forward', 2 * HOUR_MS],
  ])(
    'W-CLOCK-1 trims in time and by the clock of the stream ids when that of the process is set %s',
    async (_, byMs) => {
      await fill('a.reading', old(25), old(23))
      await trim({ 'a.reading': `${old(1)}-0` }, byMs)
      expect(await left('a.reading')).toEqual([old(23)])
    },
  )

  it("W-CLOCK-1 a backfill that was worked on an hour ahead of Redis' clock holds nothing", async () => {
    await fill('a.reading', old(30), old(28))
    await redis.hset(keys.backfill(0, 'a.by_k'), {
      ...{ version: 'v', status: 'open', heartbeat: NOW + HOUR_MS },
      offsets: JSON.stringify({ 'a.reading': `${old(29)}-0` }),
    })
    await trim({ 'a.reading': `${old(1)}-0` })
    expect(await left('a.reading')).toEqual([])
  })

  it('W-TRIM-1 keeps partial results until the merging partition has committed them', async () => {
    const topic = partialsTopic('a.all')
    await fill(topic, old(3), old(2), old(1))
    await trim({})
    expect(await left(topic)).toEqual([old(3), old(2), old(1)])
    const offsets = JSON.stringify({ [foreignLog(0, topic)]: `${old(2)}-0` })
    const [merger] = mergersOf(pipeline.windows.find(({ name }) => name === 'a.all')!, 2)
    await redis.hset(keys.meta(merger!), 'offsets', offsets)
    await trim({})
    expect(await left(topic)).toEqual([old(2), old(1)])
  })

  it('W-TRIM-1 keeps partial results until the last of several merging partitions has committed them', async () => {
    const topic = partialsTopic('a.by_k')
    await fill(topic, old(3), old(2), old(1))
    const readTo = (merger: number, id: number) =>
      redis.hset(keys.meta(merger), 'offsets', JSON.stringify({ [foreignLog(0, topic)]: `${id}-0` }))
    await readTo(0, old(1))
    await trim({})
    expect(await left(topic)).toEqual([old(3), old(2), old(1)])
    await readTo(1, old(2))
    await trim({})
    expect(await left(topic)).toEqual([old(2), old(1)])
  })
})
