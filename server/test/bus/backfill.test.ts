import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  closeBackfill,
  commit,
  Guard,
  heartbeat,
  keys,
  listBackfills,
  openBackfill,
  openCommandConnection,
  openTopology,
  type Redis,
  readBackfill,
  takePartition,
  untilReady,
} from '../../src/bus/index.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

const guard = new Guard('commit')
const STATE = keys.backfillState(0, 'a.w', keys.window(0, 'a.w'))
let server: TestRedis
let redis: Redis

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
  await openTopology(redis, 1)
})

const open = (version = 'v1', leftovers: readonly string[] = []) =>
  openBackfill(redis, guard, 0, 'a.w', { version, run: '{}', offsets: '{"a.r":"1-0"}', leftovers })
const read = () => readBackfill(redis, guard, 0, 'a.w')

async function take(backfill?: string): Promise<string> {
  const reply = await takePartition(redis, guard, 0, backfill)
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.ownership.token
}

const send = (token: string, commitSeq: number, offsetsBefore: string) =>
  commit(
    redis,
    guard,
    0,
    {
      ...{ token, commitSeq, commitId: `c-${commitSeq}`, offsetsBefore, offsets: '{"a.r":"2-0"}', clocks: '{}' },
      operations: [{ op: 'set', key: STATE, fields: [['s', '1']] }],
    },
    'a.w',
  )

const close = (token: string) =>
  closeBackfill(redis, guard, 0, 'a.w', token, { status: 'done', reason: '', filled: '[1]', state: [STATE] })

describe('backfill', () => {
  it('B-BACKFILL-1 commits on its own ledger, beside the owner of the partition', async () => {
    await open()
    const owner = await take()
    const token = await take('a.w')
    const meta = await redis.hgetall(keys.meta(0))
    expect(await send(owner, 0, '{"a.r":"1-0"}')).toEqual({ status: 'fenced' })
    expect(await send(token, 1, '{"a.r":"1-0"}')).toEqual({ status: 'conflict' })
    expect(await send(token, 0, '')).toEqual({ status: 'conflict' })
    expect(await send(token, 0, '{"a.r":"1-0"}')).toEqual({ status: 'ok', ids: [] })
    expect(await send(token, 0, '{"a.r":"1-0"}')).toEqual({ status: 'ok', ids: [] })
    expect(await read()).toMatchObject({ commitSeq: 1, offsets: '{"a.r":"2-0"}' })
    expect(await redis.hgetall(keys.meta(0))).toEqual(meta)
  })

  it('B-BACKFILL-2 a new one fences the one before, and waits for one of its version', async () => {
    expect(await open()).toBe(true)
    const token = await take('a.w')
    expect(await open()).toBe(false)
    await redis.hset(STATE, 's', '1')
    expect(await open('v2', [STATE])).toBe(true)
    expect(await send(token, 0, '{"a.r":"1-0"}')).toEqual({ status: 'fenced' })
    expect(await heartbeat(redis, guard, 0, token, false, 'a.w')).toBe(false)
    expect(await redis.exists(STATE)).toBe(0)
    expect(await listBackfills(redis, guard)).toEqual([{ partition: 0, window: 'a.w' }])
  })

  it('B-BACKFILL-2 what was filled stays known until the version changes', async () => {
    await open()
    await close(await take('a.w'))
    await open()
    expect(await read()).toMatchObject({ status: 'open', filled: '[1]' })
    await open('v2')
    expect(await read()).toMatchObject({ status: 'open', filled: '' })
  })

  it('B-BACKFILL-3 is closed by its holder, and leaves no state', async () => {
    await open()
    const token = await take('a.w')
    await send(token, 0, '{"a.r":"1-0"}')
    expect(await close('other')).toBe(false)
    expect(await redis.exists(STATE)).toBe(1)
    expect(await close(token)).toBe(true)
    expect(await redis.exists(STATE)).toBe(0)
    expect(await read()).toMatchObject({ status: 'done', filled: '[1]' })
    expect(await open()).toBe(true)
  })
})
