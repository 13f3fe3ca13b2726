import { beforeEach, describe, expect, it } from 'vitest'
import type { LogVersion } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition } from '../../src/bus/log/lineage.ts'
import { readLogHeads } from '../../src/bus/log/log-heads.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { ledgerOf, logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'
import { OTHER_LOGS } from './other-logs.ts'

const TOPIC = 'a.b'
const guard = new Guard('commit')
const { redis } = await useRedis()

beforeEach(async () => {
  await openPartition(redis, 0)
  await redis.hset(keys.meta(0), { token: 't' })
})

const fill = async (...ids: readonly string[]) => {
  for (const id of ids) await redis.xadd(keys.log(0, TOPIC), id, 'd', '')
}
const trim = async (lowestKept: string, token = 't', log?: LogVersion) =>
  ledgerOf(redis, 0, guard).trim(log ?? (await logOf(redis, 0).version()), token, TOPIC, lowestKept)
const head = async () => (await readLogHeads(redis, 0, [TOPIC])).topics.get(TOPIC)

describe('trim', () => {
  it('B-TRIM-1 marks the newest entry gone, also when nothing is left', async () => {
    await fill('5-0', '6-1', '9-0')
    await trim('10-0')
    expect(await redis.xlen(keys.log(0, TOPIC))).toBe(0)
    expect(await head()).toEqual({ lastId: '9-0', trimmedTo: '9-0' })
  })

  it('B-TRIM-1 marks one below the oldest entry kept where whole nodes had to stay', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `${i + 1}-0`)
    await fill(...ids)
    await trim('201-0')
    expect(await head()).toEqual({ lastId: '250-0', trimmedTo: '200-0' })
    await trim('230-0')
    expect(await head()).toEqual({ lastId: '250-0', trimmedTo: '200-0' })
    await fill(...Array.from({ length: 100 }, (_, i) => `${251 + i}-0`))
    await trim('350-0')
    const { trimmedTo } = (await head())!
    const [first] = await redis.xrange(keys.log(0, TOPIC), '-', '+', 'COUNT', 1)
    expect(first![0]).toBe('301-0')
    expect(trimmedTo).toBe('300-999999999')
  })

  it('B-TRIM-1 marks nothing when nothing went, or when the owner is another', async () => {
    await fill('5-0')
    await trim('5-0')
    expect(await trim('9-0', 'other')).toBe('fenced')
    expect(await head()).toEqual({ lastId: '5-0', trimmedTo: '0-0' })
  })

  it.each(OTHER_LOGS)('B-LINEAGE-6 removes nothing by what was found out of %s', async (_, was) => {
    await fill('5-0', '6-0')
    const log = await logOf(redis, 0).version()
    expect(await trim('9-0', 't', { ...log, ...was })).toBe('lineage')
    expect(await logOf(redis, 0, guard).replace({ ...log, ...was }, TOPIC, '5-0', [])).toBe('lineage')
    expect(await redis.xlen(keys.log(0, TOPIC))).toBe(2)
    expect(await logOf(redis, 0, guard).replace(log, TOPIC, '5-0', [])).toEqual([])
    expect(await redis.xlen(keys.log(0, TOPIC))).toBe(1)
  })
})
