import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sliceRuns } from '../../src/bus/calls/slice-runs.ts'
import {
  type AppendedSlice,
  type AppendRequest,
  BatchReader,
  RecordBatchBuilder,
  type SliceIdentity,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition } from '../../src/bus/log/lineage.ts'
import { logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const { redis } = await useRedis()
const TOPICS = ['a.b', 'a.c']
const TOGETHER = 0
const ALONE = 1
const NOBODY = ''

interface Sent {
  readonly topic: number
  readonly events: number
  /** Absent: without a producer. */
  readonly identity: SliceIdentity | undefined
  readonly epoch?: string | undefined
}

/** What a producer does with its next slice. */
const step = fc.record({
  producer: fc.constantFrom('p', 'q', 'r', NOBODY),
  topic: fc.constantFrom(0, 0, 0, 1),
  events: fc.integer({ min: 1, max: 3 }),
  does: fc.constantFrom(
    ...Array<'goes on'>(12).fill('goes on'),
    'skips one',
    'sends again',
    'sends again as new',
    'changes it',
    'refuses',
    'of an older session',
    'under another epoch',
    'with a new sequence',
    'names no predecessor',
  ),
})
const calls = fc.array(fc.array(step, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 })

/** The slices that producers send who remember what they have sent, but not what became of it. */
function producers() {
  const last = new Map<string, { sequence: number; seq: number }>()
  return ({ producer, topic, events, does }: typeof step extends fc.Arbitrary<infer Step> ? Step : never): Sent => {
    if (producer === NOBODY) {
      return { topic, events, identity: undefined, epoch: does === 'under another epoch' ? 'other' : undefined }
    }
    const before = last.get(producer) ?? { sequence: producer === 'r' ? 0 : 1_000, seq: 0 }
    const isNew = does === 'with a new sequence' && before.sequence > 0
    const isAgain = does === 'sends again' || does === 'sends again as new' || does === 'changes it'
    const seq = isNew ? 1 : isAgain ? Math.max(1, before.seq) : before.seq + (does === 'skips one' ? 2 : 1)
    const sequence = before.sequence + (isNew ? 1 : 0)
    last.set(producer, { sequence, seq })
    const isFirst = isNew || before.seq === 0 || does === 'names no predecessor'
    return {
      topic,
      events,
      identity: {
        producer,
        sequence: sequence === 0 ? undefined : String(sequence),
        session: does === 'of an older session' ? 1 : 2,
        seq,
        previous: isFirst ? '*' : isAgain ? seq - 1 : before.seq,
        epoch: does === 'under another epoch' ? 'other' : undefined,
        checksum: does === 'changes it' ? 'changed' : `c${seq}`,
        ageMs: does === 'sends again' ? 10 : undefined,
        refused: does === 'refuses' ? '0-1' : undefined,
      },
    }
  }
}

let eventCount = 0

function requestOf(sent: readonly (Sent & { readonly ids: readonly string[] })[]): AppendRequest {
  const topics = [...new Set(sent.map(({ topic }) => topic))]
  const builders = topics.map(() => new RecordBatchBuilder())
  const slices = sent.map(({ topic, ids, identity, epoch }) => {
    const batch = topics.indexOf(topic)
    const json = (id: string) => `{"id":"${id}","key":"k","time":1,"data":{}}`
    builders[batch]!.addSlice(ids.map((id) => ({ key: 'k', lane: 'low', time: 1, json: json(id) })))
    return { batch, lastIndex: builders[batch]!.count - 1, identity, epoch }
  })
  const batches = topics.map((topic, i) => ({ topic: TOPICS[topic]!, ...builders[i]!.build() }))
  return { batches, slices }
}

async function append(partition: number, sent: Parameters<typeof requestOf>[0]): Promise<readonly AppendedSlice[]> {
  const reply = await logOf(redis, partition, 'append').append(requestOf(sent))
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.slices
}

/** Ids of the events that readers get, by the position of each. */
async function stored(partition: number, topic: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await logOf(redis, partition).range(topic, '-', '+', 1_000)) {
    const batch = new BatchReader(entry)
    for (let i = 0; i < batch.header.count; i++) {
      if (!batch.refused.has(i)) found.set(`${entry.streamId}.${i}`, JSON.parse(batch.jsonOf(i)).id)
    }
  }
  return found
}

/** Without the positions, which differ. */
async function states(partition: number): Promise<Record<string, string>> {
  const all = await redis.hgetall(keys.producersCurrent(partition))
  return Object.fromEntries(Object.entries(all).map(([name, state]) => [name, state.replace(/ \S+$/, '')]))
}

it('B-APPEND-21 B-APPEND-20 slices of one call have the verdicts, the events and the states that they have one by one', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(calls, async (rounds) => {
      await redis.flushall()
      for (const partition of [TOGETHER, ALONE]) await openPartition(redis, partition)
      const next = producers()
      for (const round of rounds) {
        const sent = round.map((each) => {
          const slice = next(each)
          return { ...slice, ids: Array.from({ length: slice.events }, () => `e${eventCount++}`) }
        })
        runs += sent.length - sliceRuns(requestOf(sent).slices).length
        const together = await append(TOGETHER, sent)
        const alone: AppendedSlice[] = []
        for (const slice of sent) alone.push(...(await append(ALONE, [slice])))
        const fate = ({ verdict, refusedAtFirst }: AppendedSlice) => ({ verdict, refusedAtFirst })
        expect(together.map(fate)).toEqual(alone.map(fate))
        for (const [i, topic] of TOPICS.entries()) {
          const [left, right] = [await stored(TOGETHER, topic), await stored(ALONE, topic)]
          expect([...left.values()]).toEqual([...right.values()])
          sent.forEach((slice, nth) => {
            if (slice.topic !== i || together[nth]!.verdict !== 'new') return
            expect(left.get(together[nth]!.entry)).toBe(slice.ids.at(-1))
          })
        }
        expect(await states(TOGETHER)).toEqual(await states(ALONE))
      }
    }),
    { numRuns: 150 },
  )
  expect(runs).toBeGreaterThan(100)
})
