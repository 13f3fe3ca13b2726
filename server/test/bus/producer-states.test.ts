import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { PRODUCER_MEMORY_MS } from '../../src/bus/calls/append-part.ts'
import { type AppendedSlice, NO_BATCH, type SliceIdentity } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition } from '../../src/bus/log/lineage.ts'
import { logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITION = 0
/** As long as a real one gets: a CRC-32 and a length, of base 36. */
const checksumOf = (seq: number) => `1z141z3-${(seq % 36 ** 4).toString(36).padStart(4, '0')}`
const { redis } = await useRedis()

beforeEach(async () => {
  await openPartition(redis, PARTITION)
})

type Frame = Pick<SliceIdentity, 'seq'> & Partial<SliceIdentity>

/** One append of slices of which nothing is stored but the state of their producer. */
async function send(...frames: Frame[]): Promise<readonly AppendedSlice[]> {
  const slices = frames.map((frame) => ({
    batch: NO_BATCH,
    lastIndex: 0,
    identity: {
      producer: 'p',
      session: 1,
      previous: '*' as const,
      checksum: checksumOf(frame.seq),
      ageMs: undefined,
      ...frame,
    },
  }))
  const reply = await logOf(redis, PARTITION, 'append').append({ batches: [], slices })
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.slices
}
const verdicts = async (...frames: Frame[]) => (await send(...frames)).map(({ verdict }) => verdict)
const again = (frame: Frame): Frame => ({ session: 2, ageMs: 10, ...frame })
const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const stateBytes = async (producer = 'p') => (await redis.hget(keys.producersCurrent(PARTITION), producer))!.length
const meta = keys.meta(PARTITION)
const generationPasses = () => redis.hincrby(meta, 'generation', -PRODUCER_MEMORY_MS)

describe('producer states', () => {
  for (const [what, over] of [
    ['of an unnamed sequence', {}],
    ['with refused events', { sequence: '1000', refused: '0-3' }],
  ] as const) {
    it(`B-APPEND-18 what is written with every slice ${what} stays small`, async () => {
      for (const seq of count(1, 100)) {
        expect(await verdicts({ seq, ...over })).toEqual(['new'])
        expect(await stateBytes()).toBeLessThan(320)
      }
      expect(await verdicts(...count(101, 400).map((seq) => ({ seq, ...over })))).toEqual(Array(300).fill('new'))
      expect(await stateBytes()).toBeLessThan(320)
      expect(await redis.hstrlen(keys.olderEntriesCurrent(PARTITION), 'p')).toBeLessThan(2_000)
    })
  }

  it('B-APPEND-12 knows the last 64 also where seqs have as many digits as they may', async () => {
    const last = 99_999_999_999_999
    for (const seq of count(last - 199, last)) await send({ seq })
    const recent = count(last - 63, last)
    expect(await verdicts(...recent.map((seq) => again({ seq })))).toEqual(recent.map(() => 'duplicate'))
    expect(await verdicts(...recent.map((seq) => again({ seq, checksum: 'other' })))).toEqual(
      recent.map(() => 'conflict'),
    )
  })

  for (const [what, over] of [
    ['checksums', {}],
    ['refusals', { sequence: '1000', refused: '0-3' }],
  ] as const) {
    it(`B-APPEND-18 older ${what} live as long as the state that they belong to`, async () => {
      for (const seq of count(1, 40)) await send({ seq, ...over })
      for (const seq of [41, 42, 43]) {
        await generationPasses()
        expect(await verdicts({ seq, ...over })).toEqual(['new'])
      }
      const found = await send(...count(1, 43).map((seq) => again({ seq, ...over })))
      const expected = { verdict: 'duplicate', refusedAtFirst: 'refused' in over ? over.refused : '' }
      expect(found).toMatchObject(count(1, 43).map(() => expected))
      // Forgotten with it, too.
      for (const producer of ['a', 'b']) {
        await generationPasses()
        await send({ seq: 1, producer })
      }
      expect(await redis.exists(keys.olderEntriesCurrent(PARTITION), keys.olderEntriesPrevious(PARTITION))).toBe(0)
    })
  }

  it('B-APPEND-18 older entries count only for the state that names their beginning', async () => {
    for (const seq of count(1, 40)) await send({ seq })
    const older = keys.olderEntriesCurrent(PARTITION)
    await redis.hset(older, 'p', `,1234~${checksumOf(5)},5~${checksumOf(5)}`)
    expect(await verdicts(again({ seq: 5 }), again({ seq: 40 }))).toEqual(['unknown', 'duplicate'])
    expect(await verdicts({ seq: 1, sequence: '1000' }, { seq: 2, sequence: '1000' })).toEqual(['new', 'new'])
    expect(await verdicts(again({ seq: 1, sequence: '1000' }))).toEqual(['duplicate'])
  })

  it('B-APPEND-15 reads and continues the list of a state that was written before older entries stood elsewhere', async () => {
    const list = (from: number, to: number) =>
      count(from, to)
        .reverse()
        .map((seq) => `,${seq}~${checksumOf(seq)}`)
        .join('')
    await redis.hset(keys.producersCurrent(PARTITION), 'p', `1 90 0${list(21, 90)},20~? -`)
    expect(await verdicts(again({ seq: 21 }), again({ seq: 20 }), again({ seq: 90, checksum: 'other' }))).toEqual([
      'duplicate',
      'unknown',
      'conflict',
    ])
    expect(await verdicts(again({ seq: 91, previous: 90, ageMs: undefined }))).toEqual(['new'])
    expect(await stateBytes()).toBeLessThan(320)
    const recent = count(28, 91)
    expect(await verdicts(...recent.map((seq) => again({ seq })))).toEqual(recent.map(() => 'duplicate'))
    expect(await verdicts(again({ seq: 20 }))).toEqual(['unknown'])
  })

  it('B-APPEND-12 B-APPEND-13 B-APPEND-14 what was sent in whatever calls is judged by its content when it comes again', async () => {
    const calls = fc.array(
      fc.record({
        frames: fc.array(fc.record({ refused: fc.constantFrom(undefined, undefined, '0-3', '2-1.5-1') }), {
          minLength: 1,
          maxLength: 40,
        }),
        next: fc.constantFrom('nothing', 'resend', 'rotate', 'session'),
      }),
      { minLength: 1, maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(calls, fc.boolean(), fc.integer({ min: 1, max: 5 }), async (rounds, isNamed, step) => {
        await redis.flushall()
        await openPartition(redis, PARTITION)
        const sequence = isNamed ? '1000' : undefined
        const stored: Frame[] = []
        let session = 1
        for (const { frames, next } of rounds) {
          const fresh = frames.map(({ refused }, i) => ({
            seq: (stored.at(-1)?.seq ?? 0) + (i + 1) * step,
            session,
            sequence,
            refused,
          }))
          expect(await verdicts(...fresh)).toEqual(fresh.map(() => 'new'))
          stored.push(...fresh)
          if (next === 'session') session++
          if (next === 'rotate') await generationPasses()
          if (next !== 'resend') continue
          const found = await send(...stored.map((frame) => ({ ...frame, session, ageMs: 1 })))
          const lastUnknown = found.findLastIndex(({ verdict }) => verdict === 'unknown')
          // Refusals take room, hence fewer than 64 where they are many.
          expect(stored.length - lastUnknown).toBeGreaterThan(Math.min(stored.length, 50))
          const expected = stored.map(({ refused = '' }, i) =>
            i <= lastUnknown ? ['unknown', undefined] : ['duplicate', refused],
          )
          expect(found.map(({ verdict, refusedAtFirst }) => [verdict, refusedAtFirst])).toEqual(expected)
          const others = await verdicts(...stored.slice(-30).map((frame) => ({ ...frame, session, checksum: 'other' })))
          expect(others).toEqual(others.map(() => 'conflict'))
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('generations', () => {
  it('B-APPEND-19 one that began ahead of the clock begins anew, with everything it knows', async () => {
    const hour = 3_600_000
    for (const [seq, producer] of [
      [1, 'before'],
      [1, 'p'],
    ] as const) {
      await generationPasses()
      await send({ seq, producer })
    }
    const setBackMs = 2 * hour
    const before = await redis.hmget(meta, 'generation', 'known')
    const ahead = before.map((at) => Number(at) + setBackMs)
    await redis.hset(meta, { generation: ahead[0]!, known: ahead[1]! })
    expect(await verdicts({ seq: 2 })).toEqual(['new'])
    const [generation, known] = (await redis.hmget(meta, 'generation', 'known')).map(Number) as [number, number]
    expect(Math.abs(generation - Date.now())).toBeLessThan(5_000)
    // The generation before stays as long as it was.
    expect(generation - known).toBe(ahead[0]! - ahead[1]!)
    expect(await verdicts(again({ seq: 1, producer: 'before' }), again({ seq: 1 }))).toEqual(['duplicate', 'duplicate'])
    await generationPasses()
    expect(await verdicts(again({ seq: 3, ageMs: undefined }))).toEqual(['new'])
    expect(Math.abs(Number(await redis.hget(meta, 'generation')) - Date.now())).toBeLessThan(5_000)
    expect(await verdicts(again({ seq: 1 }))).toEqual(['duplicate'])
  })

  it('B-APPEND-19 a clock that was set back does not make retries of unknown producers too old', async () => {
    const now = Date.now()
    await redis.hset(meta, { generation: now + 7_200_000, known: now + 3_600_000 })
    expect(await verdicts({ seq: 1, ageMs: 60_000 })).toEqual(['new'])
    await redis.hset(meta, { generation: now + 7_200_000, known: now + 7_200_000 })
    expect(await verdicts({ seq: 1, producer: 'other', ageMs: 60_000 })).toEqual(['unknown'])
  })
})
