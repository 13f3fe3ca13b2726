import { beforeEach, describe, expect, it } from 'vitest'
import type { CommitRequest, LogVersion } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { OwnerLedger } from '../../src/bus/ledger/owner-ledger.ts'
import { Log } from '../../src/bus/log/log.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 6
const { redis } = await useRedis({ partitions: PARTITIONS })
const channel = Channel.over(redis, new Guard('commit'))

interface Owned {
  readonly ledger: OwnerLedger
  readonly token: string
  readonly log: LogVersion
}
let owned: Owned[]

beforeEach(async () => {
  const own = async (_: unknown, partition: number): Promise<Owned> => {
    const ledger = new OwnerLedger(partition, channel)
    const reply = await ledger.take()
    if (reply.status !== 'ok') throw new Error(reply.status)
    return { ledger, token: reply.ownership.token, log: await new Log(partition, channel).version() }
  }
  owned = await Promise.all(Array.from({ length: PARTITIONS }, own))
})

const LIST = 'trail:t:k'
const listKey = (partition: number) => keys.owned(partition, LIST)

/** Stores an item at the end of a list of the partition. */
function commit(partition: number, { base = 0, item = 'a', ...changes }: Partial<CommitRequest> & Item = {}) {
  const { ledger, token, log } = owned[partition]!
  return ledger.commit({
    ...{
      log,
      token,
      commitSeq: 0,
      commitId: `c-${partition}`,
      offsetsBefore: '',
      offsets: `o-${partition}`,
      clocks: '{}',
    },
    operations: [
      { op: 'push', list: LIST, base, items: [item] },
      {
        op: 'append',
        topic: 'a.w',
        header: '{}',
        payload: Buffer.from(`${partition}`),
        watermark: undefined,
        latest: [],
      },
    ],
    ...changes,
  })
}

interface Item {
  readonly base?: number
  readonly item?: string
}

async function calls(): Promise<number> {
  const stats = await redis.info('commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

const all = <Result>(of: (partition: number) => Promise<Result>) =>
  Promise.all(owned.map((_, partition) => of(partition)))
const lengths = () => all((partition) => redis.llen(listKey(partition)))

describe('CommitCalls', () => {
  it('B-COMMIT-15 makes one call of the commits to several partitions that come together', async () => {
    // The first call may find that Redis does not know the script yet.
    await commit(0)
    const before = await calls()
    const replies = await all((partition) => commit(partition))
    expect((await calls()) - before).toBe(1)
    const entries = await all((partition) => new Log(partition, channel).range('a.w', '-', '+', 10))
    const stored = owned.map(({ log }, partition) => [{ epoch: log.epoch, payload: Buffer.from(`${partition}`) }])
    expect(entries).toMatchObject(stored)
    expect(replies).toEqual(entries.map(([entry]) => ({ status: 'ok', ids: [entry!.streamId] })))
    // That of the first partition was stored before, under the same id.
    expect(await lengths()).toEqual([1, 1, 1, 1, 1, 1])
    expect(await all((partition) => redis.hget(keys.meta(partition), 'offsets'))).toEqual(owned.map((_, p) => `o-${p}`))
  })

  it('B-COMMIT-15 refuses, or fails, one partition without the others', async () => {
    await redis.set(listKey(1), 'foreign')
    await redis.hset(keys.meta(2), 'lineage', 'another')
    await redis.del(keys.meta(5))
    await redis.set(keys.meta(5), 'foreign')
    const replies = await Promise.allSettled([
      commit(0, { token: 'other' }),
      commit(1),
      commit(2),
      commit(3, { base: 3 }),
      commit(4),
      commit(5),
    ])
    expect(replies).toMatchObject([
      { value: { status: 'fenced' } },
      { reason: { name: 'BusMismatch' } },
      { value: { status: 'lineage' } },
      { value: { status: 'conflict' } },
      { value: { status: 'ok' } },
      { reason: { name: 'ReplyError', message: expect.stringMatching(/^WRONGTYPE/) } },
    ])
    await redis.del(listKey(1))
    expect(await lengths()).toEqual([0, 0, 0, 0, 1, 0])
  })

  it('B-COMMIT-15 gives a large commit a call of its own', async () => {
    await commit(0)
    const before = await calls()
    const large = 'x'.repeat(65_536)
    const replies = await all((partition) => commit(partition, { item: partition === 2 ? large : 'a' }))
    expect(replies.map(({ status }) => status)).toEqual(owned.map(() => 'ok'))
    // Two before it, itself, three behind it.
    expect((await calls()) - before).toBe(3)
    expect(await redis.lrange(listKey(2), 0, -1)).toEqual([large])
  })

  it('B-COMMIT-15 fails all of them where Redis may store nothing', async () => {
    await redis.config('SET', 'min-replicas-to-write', '1')
    try {
      const replies = await Promise.allSettled(owned.map((_, partition) => commit(partition)))
      for (const reply of replies) expect(reply).toMatchObject({ reason: { name: 'BusUnavailable' } })
    } finally {
      await redis.config('SET', 'min-replicas-to-write', '0')
    }
    expect(await lengths()).toEqual(owned.map(() => 0))
  })
})
