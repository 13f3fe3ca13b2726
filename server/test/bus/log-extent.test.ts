import { describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import { logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const TOPIC = 'a.b'
const { redis } = await useRedis({ partitions: 1 })

/** Entries a second apart, the last of them now. */
async function fill(entries: number): Promise<string[]> {
  const now = Date.now()
  const ids = Array.from({ length: entries }, (_, i) => `${now - (entries - 1 - i) * 1_000}-0`)
  const pipeline = redis.pipeline()
  for (const id of ids) pipeline.xadd(keys.log(0, TOPIC), id, 'd', 'x')
  await pipeline.exec()
  return ids
}

const backlog = (after: string) => logOf(redis, 0).backlog(TOPIC, after)

describe('backlog', () => {
  it('B-EXTENT-1 is nothing behind the last entry, of an empty log, and of none', async () => {
    const NOTHING = { entries: 0, isCounted: true, ageMs: 0 }
    expect(await backlog('0-0')).toEqual(NOTHING)
    const ids = await fill(3)
    expect(await backlog(ids.at(-1)!)).toEqual(NOTHING)
    await redis.xdel(keys.log(0, TOPIC), ...ids)
    expect(await backlog('0-0')).toEqual(NOTHING)
  })

  it('B-EXTENT-1 is counted up to 64 entries, with the age of the oldest', async () => {
    const ids = await fill(100)
    const { entries, isCounted, ageMs } = await backlog(ids[99 - 64]!)
    expect([entries, isCounted]).toEqual([64, true])
    expect(ageMs).toBeGreaterThanOrEqual(63_000)
    expect(ageMs).toBeLessThan(66_000)
  })

  it('B-EXTENT-1 is estimated beyond that, by times', async () => {
    const ids = await fill(1_000)
    const { entries, isCounted } = await backlog(ids[299]!)
    expect(isCounted).toBe(false)
    expect(entries).toBeGreaterThan(690)
    expect(entries).toBeLessThan(710)
  })

  it('B-EXTENT-1 is exact where nothing was read, however much it is', async () => {
    await fill(1_000)
    expect(await backlog('0-0')).toMatchObject({ entries: 1_000, isCounted: true })
  })
})

describe('extents', () => {
  it('B-EXTENT-1 say entries, ends and memory of each log', async () => {
    const ids = await fill(10)
    const extents = await logOf(redis, 0).extents([TOPIC, 'no.such'])
    expect(extents.get(TOPIC)).toMatchObject({ entries: 10, firstId: ids[0], lastId: ids[9] })
    expect(extents.get(TOPIC)!.bytes).toBeGreaterThan(100)
    expect(extents.get('no.such')).toEqual({ entries: 0, firstId: undefined, lastId: undefined, bytes: 0 })
  })
})
