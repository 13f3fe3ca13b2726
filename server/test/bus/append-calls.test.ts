import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type AppendReply, BusMismatch, RecordBatchBuilder, type SliceIdentity } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition } from '../../src/bus/log/lineage.ts'
import { Log } from '../../src/bus/log/log.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { PATIENT_APPEND_MS } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 6
const { redis } = await useRedis()
const channel = Channel.over(redis, new Guard('append', { deadlineMs: PATIENT_APPEND_MS }))
const logs = Array.from({ length: PARTITIONS }, (_, partition) => new Log(partition, channel))

beforeEach(async () => {
  for (const { partition } of logs) await openPartition(redis, partition)
})

const identity = (over: Partial<SliceIdentity> = {}): SliceIdentity => ({
  ...{ producer: 'p1', sequence: '7', session: 1, seq: 1, previous: '*', checksum: 'c1', ageMs: undefined },
  ...over,
})

/** A batch with a slice for each identity. */
function requestOf(...identities: SliceIdentity[]) {
  const builder = new RecordBatchBuilder()
  for (const { seq } of identities) {
    builder.addSlice([{ key: 'k', lane: 'low', time: 1, json: `{"id":"e${seq}","key":"k","time":1,"data":{}}` }])
  }
  const slices = identities.map((id, lastIndex) => ({ batch: 0, lastIndex, identity: id }))
  return { batches: [{ topic: 'a.b', ...builder.build() }], slices }
}

const append = (partition: number, ...identities: SliceIdentity[]) => logs[partition]!.append(requestOf(...identities))

const verdictsOf = (reply: AppendReply) =>
  reply.status === 'ok' ? reply.slices.map(({ verdict }) => verdict) : reply.status

async function calls(of: string): Promise<number> {
  const stats = await redis.info('commandstats')
  return Number(new RegExp(`cmdstat_${of}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

const lengths = () => Promise.all(logs.map(({ partition }) => redis.xlen(keys.log(partition, 'a.b'))))

describe('AppendCalls', () => {
  it('B-APPEND-22 makes one call of the appends to several partitions that come together', async () => {
    // The first call finds that Redis does not know the script yet.
    await append(0, identity({ producer: 'first' }))
    const before = await calls('evalsha')
    const replies = await Promise.all(logs.map(({ partition }) => append(partition, identity())))
    expect(replies.map(verdictsOf)).toEqual(logs.map(() => ['new']))
    expect((await calls('evalsha')) - before).toBe(1)
    expect(await lengths()).toEqual([2, 1, 1, 1, 1, 1])
  })

  it('B-APPEND-22 asks Redis for its identity once a call', async () => {
    const before = await calls('info')
    await Promise.all(logs.map(({ partition }) => append(partition, identity())))
    // Of which one is that of `calls`.
    expect((await calls('info')) - before).toBe(2)
  })

  it('B-APPEND-22 refuses, or fails, one partition without the others', async () => {
    await append(0, identity())
    await redis.set(keys.log(1, 'a.b'), 'foreign')
    await redis.set(keys.producersCurrent(2), 'foreign')
    await redis.hset(keys.meta(3), 'lineage', 'another')
    const replies = await Promise.allSettled(logs.map(({ partition }) => append(partition, identity())))
    expect(replies).toMatchObject([
      { value: { status: 'ok', slices: [{ verdict: 'duplicate' }] } },
      { reason: expect.any(BusMismatch) },
      { reason: { name: 'ReplyError', message: expect.stringMatching(/^WRONGTYPE/) } },
      { value: { status: 'lineage', stored: 'another' } },
      { value: { status: 'ok', slices: [{ verdict: 'new' }] } },
      { value: { status: 'ok', slices: [{ verdict: 'new' }] } },
    ])
    await redis.del(keys.log(1, 'a.b'))
    expect(await lengths()).toEqual([1, 0, 0, 0, 1, 1])
  })

  it('B-APPEND-22 stores nothing of any partition in a full Redis, and says so of each', async () => {
    await redis.config('SET', 'maxmemory', '1')
    try {
      const replies = await Promise.allSettled(logs.map(({ partition }) => append(partition, identity())))
      for (const reply of replies) expect(reply).toMatchObject({ reason: { name: 'BusFull' } })
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    expect(await lengths()).toEqual(logs.map(() => 0))
  })

  it('B-APPEND-21 B-APPEND-22 judges again, slice by slice, only the partitions that have to be', async () => {
    await append(0, identity({ seq: 1 }))
    const run = [identity({ seq: 1 }), identity({ seq: 2, previous: 1, checksum: 'c2' })]
    const [again, fresh] = await Promise.all([append(0, ...run), append(1, ...run)])
    // A first attempt under a known number.
    expect(verdictsOf(again)).toEqual(['duplicate', 'new'])
    expect(verdictsOf(fresh)).toEqual(['new', 'new'])
    expect(await lengths()).toEqual([2, 1, 0, 0, 0, 0])
  })

  it('B-APPEND-22 gives every slice the verdict that it would have in a call of its own', async () => {
    const HALF = PARTITIONS / 2
    const slice = fc.record({
      producer: fc.constantFrom('p1', 'p2'),
      seq: fc.integer({ min: 1, max: 4 }),
      previous: fc.constantFrom('*' as const, 1, 2, 3),
      session: fc.constantFrom(1, 2),
      checksum: fc.constantFrom('c1', 'c2'),
      ageMs: fc.constantFrom(undefined, 5),
    })
    const round = fc.tuple(...Array.from({ length: HALF }, () => fc.array(slice, { maxLength: 4 })))
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 4 }), async (rounds) => {
        await redis.flushdb()
        for (const { partition } of logs) await openPartition(redis, partition)
        for (const parts of rounds) {
          const ids = parts.map((part) => part.map((each) => identity(each)))
          const together = await Promise.all(ids.map((part, i) => append(i, ...part)))
          for (const [i, part] of ids.entries()) {
            expect(verdictsOf(await append(HALF + i, ...part))).toEqual(verdictsOf(together[i]!))
          }
        }
        const sizes = await lengths()
        expect(sizes.slice(0, HALF)).toEqual(sizes.slice(HALF))
      }),
      { numRuns: 40 },
    )
  })
})
