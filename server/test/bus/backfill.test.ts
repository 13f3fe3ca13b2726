import { describe, expect, it } from 'vitest'
import { type Ledger, type LogVersion, windowHash } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { listBackfills } from '../../src/bus/ledger/backfill-ledger.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { backfillLedgerOf, ledgerOf, logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'
import { OTHER_LOGS } from './other-logs.ts'

const STATE = windowHash('a.w')
const STATE_KEY = keys.backfillOwned(0, 'a.w', STATE)
const { redis } = await useRedis({ partitions: 1 })

const backfill = () => backfillLedgerOf(redis, 0, 'a.w')
const log = () => logOf(redis, 0).version()
const open = async (version = 'v1', leftovers: readonly string[] = []) =>
  backfill().open({
    ...{ version, run: '{}', offsets: '{"a.r":"1-0"}', leftovers },
    log: await log(),
  })
const read = () => backfill().record()

async function take(ledger: Ledger): Promise<string> {
  const reply = await ledger.take()
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.ownership.token
}

const send = async (token: string, commitSeq: number, offsetsBefore: string, under?: LogVersion) =>
  backfill().commit({
    ...{ token, commitSeq, commitId: `c-${commitSeq}`, offsetsBefore, offsets: '{"a.r":"2-0"}', clocks: '{}' },
    log: under ?? (await log()),
    operations: [{ op: 'set', hash: STATE, fields: [['s', '1']] }],
  })

const close = async (token: string, under?: LogVersion) =>
  backfill().close(under ?? (await log()), token, {
    status: 'done',
    reason: '',
    filled: '[1]',
    state: [STATE],
  })

describe('backfill', () => {
  it('B-BACKFILL-1 commits on its own ledger, beside the owner of the partition', async () => {
    await open()
    const owner = await take(ledgerOf(redis, 0))
    const token = await take(backfill())
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
    expect(await open()).toBe('opened')
    const token = await take(backfill())
    expect(await open()).toBe('under_way')
    await redis.hset(STATE_KEY, 's', '1')
    expect(await open('v2', [STATE])).toBe('opened')
    expect(await send(token, 0, '{"a.r":"1-0"}')).toEqual({ status: 'fenced' })
    expect(await backfill().beat(token)).toBe(false)
    expect(await redis.exists(STATE_KEY)).toBe(0)
    expect(await listBackfills(Channel.over(redis, new Guard('jobs')))).toEqual([{ partition: 0, window: 'a.w' }])
  })

  it('B-BACKFILL-2 what was filled stays known until the version changes', async () => {
    await open()
    await close(await take(backfill()))
    await open()
    expect(await read()).toMatchObject({ status: 'open', filled: '[1]' })
    await open('v2')
    expect(await read()).toMatchObject({ status: 'open', filled: '' })
  })

  it('B-BACKFILL-3 is closed by its holder, and leaves no state', async () => {
    await open()
    const token = await take(backfill())
    await send(token, 0, '{"a.r":"1-0"}')
    expect(await close('other')).toBe('fenced')
    expect(await redis.exists(STATE_KEY)).toBe(1)
    expect(await close(token)).toBeUndefined()
    expect(await redis.exists(STATE_KEY)).toBe(0)
    expect(await read()).toMatchObject({ status: 'done', filled: '[1]' })
    expect(await open()).toBe('opened')
  })

  it.each(OTHER_LOGS)(
    'B-LINEAGE-6 is neither opened nor committed nor closed when it was computed of %s',
    async (_, was) => {
      const other = { ...(await log()), ...was }
      const plan = { version: 'v1', run: '{}', offsets: '{"a.r":"1-0"}', leftovers: [] }
      expect(await backfill().open({ ...plan, log: other })).toBe('lineage')
      expect(await read()).toBeUndefined()
      await open()
      const token = await take(backfill())
      expect(await send(token, 0, '{"a.r":"1-0"}', other)).toEqual({ status: 'lineage' })
      await send(token, 0, '{"a.r":"1-0"}')
      expect(await close(token, other)).toBe('lineage')
      expect(await read()).toMatchObject({ status: 'open', commitSeq: 1 })
      expect(await redis.exists(STATE_KEY)).toBe(1)
    },
  )
})
