import { beforeEach, describe, expect, it, vi } from 'vitest'
import { PRODUCER_MEMORY_MS } from '../../src/bus/calls/append-part.ts'
import {
  type AppendReply,
  BatchReader,
  BusFull,
  CANARY_TOPIC,
  type KnownEntry,
  LineageProof,
  NO_BATCH,
  RecordBatchBuilder,
  type SliceIdentity,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition, settleLineage } from '../../src/bus/log/lineage.ts'
import { ledgerOf, logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITION = 0
const { server, redis } = await useRedis()

beforeEach(async () => {
  await openPartition(redis, PARTITION)
})

const identity = (over: Partial<SliceIdentity> = {}): SliceIdentity => ({
  producer: 'p1',
  session: 1,
  seq: 1,
  previous: '*',
  checksum: 'c1',
  ageMs: 0,
  ...over,
})

function batchOf(topic: string, slices: number) {
  const builder = new RecordBatchBuilder()
  for (let i = 0; i < slices; i++) {
    const json = `{"id":"e${i}","key":"k","time":1,"data":{}}`
    builder.addSlice([{ key: 'k', lane: 'low', time: 1, json }])
  }
  return { topic, ...builder.build() }
}

/** Appends one batch of topic `a.b` with a slice per identity. */
function send(...identities: (SliceIdentity | undefined)[]): Promise<AppendReply> {
  return logOf(redis, PARTITION, 'append').append({
    batches: [batchOf('a.b', identities.length)],
    slices: identities.map((id, i) => ({ batch: 0, lastIndex: i, identity: id })),
  })
}

async function verdicts(...identities: (SliceIdentity | undefined)[]): Promise<string[]> {
  const reply = await send(...identities)
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.slices.map((slice) => slice.verdict)
}

const lastId = async () => (await logOf(redis, PARTITION).heads(['a.b'])).topics.get('a.b')!.lastId

describe('append', () => {
  it('B-APPEND-1 answers a repeated slice with the position of the first', async () => {
    const first = await send(identity())
    const second = await send(identity())
    expect(second).toMatchObject({ slices: [{ verdict: 'duplicate' }] })
    expect(first.status === 'ok' && first.slices[0]!.entry).toBe(second.status === 'ok' && second.slices[0]!.entry)
    expect(await redis.xlen(keys.log(PARTITION, 'a.b'))).toBe(1)
  })

  it('B-APPEND-2 calls the same seq with another checksum a conflict', async () => {
    await send(identity())
    expect(await verdicts(identity({ checksum: 'c2' }))).toEqual(['conflict'])
  })

  it('B-APPEND-3 refuses a slice whose predecessor is missing, and takes it once that has landed', async () => {
    await send(identity({ seq: 4 }))
    expect(await verdicts(identity({ seq: 6, previous: 5 }))).toEqual(['out_of_order'])
    expect(await verdicts(identity({ seq: 5, previous: '*' }), identity({ seq: 6, previous: 5 }))).toEqual([
      'new',
      'new',
    ])
  })

  it('B-APPEND-4 fences an older session of the producer', async () => {
    await send(identity({ session: 2 }))
    expect(await verdicts(identity({ session: 1, seq: 2 }))).toEqual(['fenced'])
  })

  it('B-APPEND-3 refuses a slice whose predecessor it does not know until that comes, also of a new producer', async () => {
    expect(await verdicts(identity({ seq: 9, previous: 8 }))).toEqual(['out_of_order'])
    expect(await verdicts(identity({ seq: 8 }), identity({ seq: 9, previous: 8 }))).toEqual(['new', 'new'])
  })

  it('B-APPEND-5 does not store a retry older than its memory', async () => {
    expect(await verdicts(identity({ ageMs: PRODUCER_MEMORY_MS }))).toEqual(['unknown'])
    expect(await redis.exists(keys.log(PARTITION, 'a.b'))).toBe(0)
  })

  it('B-APPEND-6 masks refused slices of a merged batch in the entry', async () => {
    await send(identity())
    await send(identity(), identity({ producer: 'p2' }), undefined)
    const entries = await logOf(redis, PARTITION).range('a.b', '-', '+', 10)
    expect(entries.map((entry) => entry.refused)).toEqual([undefined, '0'])
  })

  it('B-APPEND-7 remembers a producer through one rotation of generations', async () => {
    await send(identity())
    await redis.hset(keys.meta(PARTITION), 'generation', 1)
    await send(identity({ producer: 'p2' }))
    expect(await redis.exists(keys.producersPrevious(PARTITION))).toBe(1)
    expect(await verdicts(identity(), identity({ producer: 'p2' }))).toEqual(['duplicate', 'duplicate'])
  })

  it('B-APPEND-8 writes nothing while a log key holds something else', async () => {
    await redis.set(keys.log(PARTITION, 'x.y'), 'foreign')
    const request = {
      batches: [batchOf('a.b', 1), batchOf('x.y', 1)],
      slices: [
        { batch: 0, lastIndex: 0, identity: undefined },
        { batch: 1, lastIndex: 0, identity: undefined },
      ],
    }
    await expect(logOf(redis, PARTITION, 'append').append(request)).rejects.toThrow(/not a stream/)
    expect(await redis.exists(keys.log(PARTITION, 'a.b'))).toBe(0)
  })

  it('B-APPEND-10 refuses a slice of a producer that was acknowledged under another epoch', async () => {
    const { epoch } = await openPartition(redis, PARTITION)
    expect(await verdicts(identity({ epoch: 'other' }), identity({ producer: 'p2', epoch }))).toEqual([
      'epoch_changed',
      'new',
    ])
    expect(await verdicts(identity({ epoch }))).toEqual(['new'])
  })

  it('B-APPEND-20 refuses a slice without a producer under another epoch than it names, and that alone', async () => {
    const { epoch } = await openPartition(redis, PARTITION)
    const under = [undefined, 'other', epoch]
    const reply = await logOf(redis, PARTITION, 'append').append({
      batches: [batchOf('a.b', under.length)],
      slices: under.map((each, i) => ({ batch: 0, lastIndex: i, identity: undefined, epoch: each })),
    })
    expect(reply.status === 'ok' && reply.slices.map(({ verdict }) => verdict)).toEqual(['new', 'epoch_changed', 'new'])
    const [entry] = await logOf(redis, PARTITION).range('a.b', '-', '+', 10)
    expect([...new BatchReader(entry!).refused]).toEqual([1])
  })

  it('B-APPEND-12 calls an older seq of an unnamed sequence a duplicate only where its content proves it', async () => {
    const frame = (seq: number, over: Partial<SliceIdentity> = {}) => identity({ seq, checksum: `c${seq}`, ...over })
    for (let seq = 1; seq <= 300; seq++) await send(frame(seq))
    const resent = (seq: number, over: Partial<SliceIdentity> = {}) => frame(seq, { session: 2, ageMs: 10, ...over })
    const recent = Array.from({ length: 64 }, (_, i) => 237 + i)
    expect(new Set(await verdicts(...recent.map((seq) => resent(seq))))).toEqual(new Set(['duplicate']))
    expect(await verdicts(resent(299, { checksum: 'other' }))).toEqual(['conflict'])
    expect(await verdicts(resent(2))).toEqual(['unknown'])
    // What says that it was never sent before is counted anew.
    expect(await verdicts(resent(2, { ageMs: undefined }))).toEqual(['conflict'])
    expect(await redis.xlen(keys.log(PARTITION, 'a.b'))).toBe(300)
  })

  it('B-APPEND-13 a later sequence of a producer counts from 1, and the one before it is fenced whatever its session', async () => {
    for (const seq of [1, 2, 3]) await send(identity({ seq, sequence: '1000', session: 5 }))
    const later = (seq: number) => identity({ seq, sequence: '2000', session: 1 })
    expect(await verdicts(later(1), later(2))).toEqual(['new', 'new'])
    expect(await verdicts(identity({ seq: 4, sequence: '1000', session: 9 }))).toEqual(['fenced'])
    expect(await verdicts(identity({ seq: 4, session: 9 }))).toEqual(['fenced'])
  })

  it('B-APPEND-13 within a named sequence an older seq is a duplicate if it says that it is sent again', async () => {
    const frame = (seq: number, over: Partial<SliceIdentity> = {}) =>
      identity({ seq, sequence: '1000', checksum: `c${seq}`, ...over })
    for (let seq = 1; seq <= 300; seq++) await send(frame(seq))
    expect(await verdicts(frame(1, { session: 2, ageMs: 9 }))).toEqual(['duplicate'])
    expect(await verdicts(frame(2, { session: 2, ageMs: undefined }))).toEqual(['conflict'])
    expect(await verdicts(frame(300, { session: 2, ageMs: 9, checksum: 'other' }))).toEqual(['conflict'])
    const state = await redis.hget(keys.producersCurrent(PARTITION), 'p1')
    expect(state!.length).toBeLessThan(60)
  })

  it('B-APPEND-14 a duplicate is answered with what was refused of it at first', async () => {
    const frame = (seq: number, over: Partial<SliceIdentity> = {}) =>
      identity({ seq, sequence: '1000', ageMs: 1, ...over })
    const refusedOf = async (...identities: SliceIdentity[]) => {
      const reply = await send(...identities)
      return reply.status === 'ok' && reply.slices.map(({ verdict, refusedAtFirst }) => [verdict, refusedAtFirst])
    }
    await send(frame(1, { refused: '0-3.5-1' }), frame(2), frame(3))
    expect(await refusedOf(frame(1), frame(2, { refused: '1-1' }), frame(3))).toEqual([
      ['duplicate', '0-3.5-1'],
      ['duplicate', ''],
      ['duplicate', ''],
    ])
    // Bounded: of what was dropped nothing is claimed.
    for (let seq = 4; seq < 204; seq++) await send(frame(seq, { refused: '0-3.5-1' }))
    expect(await refusedOf(frame(203), frame(1))).toEqual([
      ['duplicate', '0-3.5-1'],
      ['unknown', undefined],
    ])
    const state = await redis.hget(keys.producersCurrent(PARTITION), 'p1')
    expect(state!.length).toBeLessThan(1_700)
  })

  it('B-APPEND-14 a slice of which nothing is to be stored moves the state of its producer only', async () => {
    const empty = (over: Partial<SliceIdentity> = {}) =>
      logOf(redis, PARTITION, 'append').append({
        batches: [],
        slices: [{ batch: NO_BATCH, lastIndex: 0, identity: identity({ refused: '0-3', ...over }) }],
      })
    expect(await empty()).toMatchObject({ slices: [{ verdict: 'new', entry: '-' }] })
    expect(await empty()).toMatchObject({ slices: [{ verdict: 'duplicate', entry: '-', refusedAtFirst: '0-3' }] })
    expect(await empty({ checksum: 'other' })).toMatchObject({ slices: [{ verdict: 'conflict' }] })
    expect(await redis.exists(keys.log(PARTITION, 'a.b'))).toBe(0)
    expect(await verdicts(identity({ seq: 2, previous: 1 }))).toEqual(['new'])
  })

  it('B-APPEND-15 a state that was written without the content of its slices still recognises what is sent again', async () => {
    await redis.hset(keys.producersCurrent(PARTITION), 'p1', '1 7 1x2y3z 1732350000000-0.4')
    expect(await verdicts(identity({ seq: 7, session: 2 }), identity({ seq: 6, session: 2 }))).toEqual([
      'duplicate',
      'duplicate',
    ])
    expect(await verdicts(identity({ seq: 8, session: 2, previous: 7 }))).toEqual(['new'])
    expect(await verdicts(identity({ seq: 8, session: 2, checksum: 'other' }))).toEqual(['conflict'])
  })

  it('B-APPEND-16 a full generation takes no further producers while it is young, and ends early after 10 minutes', async () => {
    const options = { maxProducers: 3 }
    const send = async (id: SliceIdentity) => {
      const request = { batches: [batchOf('a.b', 1)], slices: [{ batch: 0, lastIndex: 0, identity: id }] }
      const reply = await logOf(redis, PARTITION, 'append').append(request, options)
      return reply.status === 'ok' && reply.slices[0]!.verdict
    }
    const of = (producer: string, seq = 1) => send(identity({ producer, seq }))
    const tenMinutesPass = () => redis.hincrby(keys.meta(PARTITION), 'generation', -10 * 60 * 1_000)
    for (const producer of ['a', 'b', 'c']) expect(await of(producer)).toBe('new')
    expect(await of('d')).toBe('storage_full')
    // Known ones go on, and come again.
    expect([await of('a', 2), await of('b')]).toEqual(['new', 'duplicate'])
    await tenMinutesPass()
    expect([await of('d'), await of('e'), await of('f')]).toEqual(['new', 'new', 'new'])
    // Known from the generation before, there is room for them.
    expect([await of('a', 3), await of('g')]).toEqual(['new', 'storage_full'])
    await tenMinutesPass()
    expect(await of('g')).toBe('new')
    expect(await redis.hlen(keys.producersCurrent(PARTITION))).toBeLessThanOrEqual(6)
    // `b` is forgotten: what is older than that cannot be judged.
    expect(await send(identity({ producer: 'b', ageMs: 15 * 60 * 1_000 }))).toBe('unknown')
  })

  it('B-APPEND-17 refuses what is more than a partition may take, until its owner measures less', async () => {
    const [meta, log] = [keys.meta(PARTITION), keys.log(PARTITION, 'a.b')]
    const store = () => {
      const request = { batches: [batchOf('a.b', 1)], slices: [{ batch: 0, lastIndex: 0, identity: undefined }] }
      return logOf(redis, PARTITION, 'append').append(request, { maxBytes: 20_000 })
    }
    const measure = (token: string) => ledgerOf(redis, PARTITION).noteLogBytes(token, ['a.b', 'none.yet'])
    await redis.hset(meta, 'token', 't')
    await store()
    await redis.xadd(log, '*', 'd', 'x'.repeat(30_000))
    await measure('another')
    expect(await store()).toMatchObject({ status: 'ok' })
    await measure('t')
    await expect(store()).rejects.toBeInstanceOf(BusFull)
    await redis.xtrim(log, 'MAXLEN', 0)
    await redis.config('SET', 'maxmemory', '1')
    try {
      await measure('t')
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    expect(await store()).toMatchObject({ status: 'ok' })
  })

  it('B-APPEND-9 survives the loss of the script cache', async () => {
    await send(identity())
    await redis.script('FLUSH')
    expect(await verdicts(identity({ seq: 2, previous: 1 }))).toEqual(['new'])
  })
})

describe('lineage', () => {
  const otherLineage = () => redis.hset(keys.meta(PARTITION), 'lineage', 'another:one')

  it('B-LINEAGE-1 appends nothing under an unproved lineage', async () => {
    await otherLineage()
    expect(await send(identity())).toMatchObject({ status: 'lineage', stored: 'another:one' })
    expect(await redis.exists(keys.log(PARTITION, 'a.b'))).toBe(0)
  })

  it('B-LINEAGE-2 keeps the epoch when every known entry is still there', async () => {
    await send(identity())
    const streamId = await lastId()
    const before = await openPartition(redis, PARTITION)
    await otherLineage()
    const seen = await openPartition(redis, PARTITION)
    await settleLineage(redis, PARTITION, seen, [{ topic: 'a.b', epoch: before.epoch, streamId: streamId! }])
    expect(await openPartition(redis, PARTITION)).toEqual(before)
  })

  it('B-LINEAGE-3 starts a new epoch when a known entry is gone, even though newer ones exist', async () => {
    await send(identity())
    const before = await openPartition(redis, PARTITION)
    await otherLineage()
    const seen = await openPartition(redis, PARTITION)
    await settleLineage(redis, PARTITION, seen, [{ topic: 'a.b', epoch: before.epoch, streamId: '1-1' }])
    const after = await openPartition(redis, PARTITION)
    expect(after.epoch).not.toBe(before.epoch)
    expect(after.stored).toBe(after.current)
  })

  it('B-LINEAGE-5 each process proves the identity with what it knows, and one of them sets the epoch', async () => {
    await send(identity())
    const streamId = await lastId()
    const before = await openPartition(redis, PARTITION)
    const proofs = [1, 2, 3].map(() => new LineageProof(logOf(redis, PARTITION, 'append')))
    for (const proof of proofs) proof.accepted(before.epoch, 'another:one')
    await otherLineage()
    const [first, second, third] = proofs
    const { epoch } = before
    await first!.settle(await openPartition(redis, PARTITION), [{ topic: 'a.b', epoch, streamId: streamId! }])
    const adopted = await openPartition(redis, PARTITION)
    expect(adopted).toEqual({ ...before, stored: before.current })
    const request = { batches: [batchOf('a.b', 1)], slices: [{ batch: 0, lastIndex: 0, identity: undefined }] }
    const refused = await logOf(redis, PARTITION, 'append').append(request, { proved: second!.lineage })
    expect(refused).toMatchObject({ status: 'lineage', epoch: before.epoch })
    // Both saw it before either said so.
    for (const proof of [second!, third!]) await proof.settle(adopted, [{ topic: 'a.b', epoch, streamId: '1-1' }])
    const after = await openPartition(redis, PARTITION)
    expect(after.epoch).not.toBe(before.epoch)
    await third!.settle(after, [{ topic: 'a.b', epoch, streamId: '1-1' }])
    expect(await openPartition(redis, PARTITION)).toEqual(after)
    expect(await logOf(redis, PARTITION, 'append').append(request, { proved: third!.lineage })).toMatchObject({
      status: 'ok',
    })
  })

  it('B-LINEAGE-10 an epoch that was left does not come back when Redis has lost what followed it', async () => {
    await send(identity())
    const before = await openPartition(redis, PARTITION)
    const proof = new LineageProof(logOf(redis, PARTITION, 'append'))
    proof.accepted(before.epoch, before.current)
    proof.accepted('later', before.current)
    await redis.hset(keys.meta(PARTITION), { lineage: 'another:one', begun: 'another:one' })
    await proof.settle(await openPartition(redis, PARTITION), [])
    const after = await openPartition(redis, PARTITION)
    expect([before.epoch, 'later']).not.toContain(after.epoch)
    // One that began under the present identity was set by another process.
    proof.accepted('later', before.current)
    await proof.settle(after, [])
    expect(await openPartition(redis, PARTITION)).toEqual(after)
  })

  /** The epoch after a client has said what it knows, of a log that somebody who knew nothing has accepted. */
  const epochAfter = async (known: Partial<KnownEntry>, lineage = 'another:one') => {
    await send(identity())
    const { epoch } = await openPartition(redis, PARTITION)
    await redis.hset(keys.meta(PARTITION), 'begun', lineage)
    const entry = { topic: 'a.b', epoch, streamId: await lastId(), ...known }
    const proof = new LineageProof(logOf(redis, PARTITION, 'append'))
    expect(await proof.examine([entry])).toBe(true)
    const after = await openPartition(redis, PARTITION)
    expect(proof.accepted(after.epoch, after.current)).toBe(after.epoch !== epoch)
    return after.epoch === epoch ? 'kept' : 'new'
  }

  it('B-LINEAGE-7 an entry that a client knows and that is gone means a new epoch, also after the identity was accepted', async () => {
    expect(await epochAfter({ streamId: '1-1' })).toBe('new')
  })

  it('B-LINEAGE-7 one that is there, was trimmed, or is of another epoch proves nothing', async () => {
    expect(await epochAfter({})).toBe('kept')
    expect(await epochAfter({ streamId: '1-1', epoch: 'earlier' })).toBe('kept')
    await redis.hset(keys.meta(PARTITION), 'trim:a.b', '5-0')
    expect(await epochAfter({ streamId: '5-0' })).toBe('kept')
  })

  it('B-LINEAGE-7 nobody can say so of an epoch that began under the present identity', async () => {
    const { current } = await openPartition(redis, PARTITION)
    expect(await epochAfter({ streamId: '1-1' }, current)).toBe('kept')
  })

  it('B-LINEAGE-7 what was found is looked up again once Redis has another identity', async () => {
    await send(identity())
    const { epoch } = await openPartition(redis, PARTITION)
    const entry = { topic: 'a.b', epoch, streamId: await lastId() }
    await redis.hset(keys.meta(PARTITION), 'begun', 'another:one')
    const proof = new LineageProof(logOf(redis, PARTITION, 'append'))
    await proof.examine([entry])
    await server.restart()
    await vi.waitFor(() => redis.ping(), 5_000)
    await redis.del(keys.log(PARTITION, 'a.b'))
    expect(await proof.examine([entry])).toBe(true)
    expect((await openPartition(redis, PARTITION)).epoch).not.toBe(epoch)
  })

  it('B-LINEAGE-8 what clients know is looked up once, of whatever epoch', async () => {
    await send(identity())
    const { epoch } = await openPartition(redis, PARTITION)
    await redis.hset(keys.meta(PARTITION), { begun: 'another:one', epochs: `0 earlier ${epoch}` })
    const streamId = await lastId()
    const there = [epoch, 'earlier'].map((each) => ({ topic: 'a.b', epoch: each, streamId }))
    const gone = { topic: 'a.b', epoch: 'earlier', streamId: '1-1' }
    const proof = new LineageProof(logOf(redis, PARTITION, 'append'))
    await redis.config('RESETSTAT')
    await proof.examine([...there, gone])
    expect(await proof.missing([...there, gone])).toEqual([gone])
    expect(await redis.info('commandstats')).toContain('cmdstat_xrange:calls=3,')
  })

  it('B-LINEAGE-11 what clients know of an epoch that the log does not know means another one, if the list goes back that far', async () => {
    await send(identity())
    const { epoch } = await openPartition(redis, PARTITION)
    const known = { topic: 'a.b', epoch: 'lost', streamId: await lastId() }
    const ms = Number.parseInt(known.streamId, 10)
    const epochAfter = async (epochs: string) => {
      await redis.hset(keys.meta(PARTITION), { epoch, begun: 'another:one', epochs })
      await new LineageProof(logOf(redis, PARTITION, 'append')).examine([known])
      return (await openPartition(redis, PARTITION)).epoch
    }
    for (const proof of [`${ms} ${epoch}`, `${ms - 1} lost ${epoch}`, `${ms - 1} another`, '']) {
      expect([proof, await epochAfter(proof)]).toEqual([proof, epoch])
    }
    const next = await epochAfter(`${ms - 1} first ${epoch}`)
    expect(next).not.toBe(epoch)
    expect(await redis.hget(keys.meta(PARTITION), 'epochs')).toBe(`${ms - 1} first ${epoch} ${next}`)
  })

  it('B-LINEAGE-4 starts a new epoch on a Redis that came back empty', async () => {
    const before = await openPartition(redis, PARTITION)
    await redis.flushall()
    const reply = await send(identity())
    expect(reply).toMatchObject({ status: 'lineage', stored: '' })
    if (reply.status !== 'lineage') return
    await settleLineage(redis, PARTITION, reply, [])
    expect((await openPartition(redis, PARTITION)).epoch).not.toBe(before.epoch)
    expect(await verdicts(identity())).toEqual(['new'])
  })
})

describe('canary', () => {
  const canary = (proved = '') => logOf(redis, PARTITION, 'append').canary(proved)
  const log = keys.log(PARTITION, CANARY_TOPIC)

  it('B-CANARY-1 is added unless there is a young one, and few are kept', async () => {
    const { epoch, current } = await openPartition(redis, PARTITION)
    for (let i = 0; i < 3; i++) expect(await canary()).toEqual({ status: 'ok', epoch, lineage: current })
    expect(await redis.xlen(log)).toBe(1)
    await redis.del(log)
    for (const age of [6, 5, 4, 3, 2, 1]) await redis.xadd(log, `${Date.now() - age * 1_000}-0`, 'e', epoch)
    await canary(current)
    expect(await redis.xlen(log)).toBe(4)
  })

  it('B-CANARY-1 comes again when the clock of Redis was set back', async () => {
    await redis.xadd(log, `${Date.now() + 3_600_000}-0`, 'e', 'e')
    await canary()
    expect(await redis.xlen(log)).toBe(2)
  })

  it('B-CANARY-2 is refused where an append would be', async () => {
    expect(await canary('another:one')).toMatchObject({ status: 'lineage' })
    await redis.config('SET', 'maxmemory', '1')
    try {
      await expect(canary()).rejects.toBeInstanceOf(BusFull)
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
  })
})
