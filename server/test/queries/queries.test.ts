import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Rights } from '../../src/access/index.ts'
import { partitionOf } from '../../src/bus/index.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { answerQuery, type CallerQueries, Queries } from '../../src/queries/index.ts'
import { appendEvents } from '../delivery/support.ts'
import { currentKey } from '../support/bus.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const note = topic('note', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id' })
const total = note.window('note.total', { tumbling: '1h', aggregate: { events: 'count' } })
const { contract } = defineConfig({ topics: [note, total] })

const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let queries: CallerQueries

beforeEach(() => {
  queries = new Queries(opened.bus, contract, () => 'defect').of(Rights.EVERYTHING)
})

const ask = (name: string, params: Record<string, unknown> = {}) => answerQuery(queries, name, params)

async function storeResult(key: string): Promise<void> {
  const event = { id: `e-${key}`, key, time: 1, data: { key, value: { events: 1, text: 'y'.repeat(500) } } }
  await redis.hset(currentKey(partitionOf(key, PARTITIONS), 'note.total'), key, `1-0.0 ${JSON.stringify(event)}`)
}

describe('names', () => {
  it('Q-NAME-1 an unknown query, topic or window is refused with its code', async () => {
    expect(await ask('nothing')).toMatchObject({ type: 'error', code: 'unknown_query' })
    expect(await ask('history', { topic: 'no.such' })).toMatchObject({ type: 'error', code: 'unknown_topic' })
    expect(await ask('window', { name: 'no.such' })).toMatchObject({ type: 'error', code: 'not_found' })
    expect(await ask('window', { name: 'note' })).toMatchObject({ type: 'error', code: 'not_found' })
  })
})

describe('window', () => {
  it('Q-WINDOW-1 returns the result of one key, or nothing, or that of every key', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `one-${i}`)
    for (const key of keys) await storeResult(key)
    const { results } = await queries.window({ name: 'note.total', key: 'one-7' })
    expect(results).toEqual([expect.objectContaining({ id: 'e-one-7', key: 'one-7' })])
    expect(results[0]).not.toHaveProperty('at')
    expect(await queries.window({ name: 'note.total', key: 'one-20' })).toEqual({ results: [] })
    const all = await queries.window({ name: 'note.total' })
    expect(all.results.map(({ key }) => key).sort()).toEqual([...keys].sort())
    const partitions = all.results.map(({ key }) => partitionOf(key, PARTITIONS))
    expect(partitions).toEqual([...partitions].sort())
  })

  it('Q-WINDOW-2 keys that stay come at least once while others are removed between two pages', async () => {
    const staying = Array.from({ length: 1_000 }, (_, i) => `stays-${i}`)
    const going = Array.from({ length: 3_000 }, (_, i) => `goes-${i}`)
    for (const key of [...staying, ...going]) await storeResult(key)
    const found: string[] = []
    let pages = 0
    for (let after: string | undefined; ; pages++) {
      const { results, next } = await queries.window({ name: 'note.total', after })
      found.push(...results.map(({ key }) => key))
      if (next === undefined) break
      after = next
      for (const key of going.splice(0, 600)) {
        await redis.hdel(currentKey(partitionOf(key, PARTITIONS), 'note.total'), key)
      }
    }
    expect(pages).toBeGreaterThan(2)
    expect(staying.filter((key) => !found.includes(key))).toEqual([])
  })
})

describe('history', () => {
  it('Q-HISTORY-3 reads the partition that is named, else that of after, else 0', async () => {
    await appendEvents(redis, 0, 'note', [{ id: 'a' }])
    await appendEvents(redis, 2, 'note', [{ id: 'b' }, { id: 'c' }])
    const read = async (params: object) => (await queries.history({ topic: 'note', ...params })).events
    const idsOf = async (params: object) => (await read(params)).map(({ id }) => id)
    const after = (await read({ partition: 2 }))[0]!.at
    expect(await idsOf({})).toEqual(['a'])
    expect(await idsOf({ partition: 2 })).toEqual(['b', 'c'])
    expect(await idsOf({ after })).toEqual(['c'])
    expect(await idsOf({ after, partition: 2 })).toEqual(['c'])
    expect(await ask('history', { topic: 'note', after, partition: 0 })).toMatchObject({ code: 'invalid_position' })
    expect(await ask('history', { topic: 'note', partition: PARTITIONS })).toMatchObject({ code: 'invalid_frame' })
    const nowhere = after.replace(/^2@/, `${PARTITIONS}@`)
    expect(await ask('history', { topic: 'note', after: nowhere })).toMatchObject({ code: 'invalid_position' })
  })
})

describe('while Redis does not answer', () => {
  it('Q-OUTAGE-1 queries are refused as unavailable, and topics are answered', async () => {
    process.kill(server.pid, 'SIGSTOP')
    try {
      for (const [name, params] of [
        ['history', { topic: 'note' }],
        ['window', { name: 'note.total' }],
      ] as const) {
        expect(await ask(name, params)).toMatchObject({ type: 'error', code: 'unavailable', retryable: true })
      }
      expect(await ask('topics')).toMatchObject({ type: 'result', data: { partitions: PARTITIONS } })
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await expect.poll(() => ask('history', { topic: 'note' }), { timeout: 5_000 }).toMatchObject({ type: 'result' })
  })
})
