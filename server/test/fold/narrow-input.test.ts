import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { EventBody } from '../../src/bus/index.ts'
import { decodeBatch } from '../../src/fold/input-batch.ts'
import { NarrowEvent } from '../../src/fold/narrow-event.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { custom, defineConfig, topic } from '../../src/index.ts'
import { FakeStore, recordBatch } from '../support/fold.ts'

const schema = z.object({
  k: z.string(),
  v: z.number(),
  room: z.object({ name: z.string(), floor: z.number() }),
  note: z.string().optional(),
})
const read = topic('n.read', { schema, key: 'k' })
const byKey = read.window('n.key', {
  tumbling: '10s',
  outOfOrderness: '1s',
  allowedLateness: '5s',
  aggregate: { sum: { sum: 'v' }, last: { last: 'room.name' }, top: { topK: 'room.name', k: 2, by: 'v' } },
})
const byRoom = read.window('n.room', {
  tumbling: '10s',
  outOfOrderness: '1s',
  groupBy: 'room.name',
  aggregate: { max: { max: 'room.floor' }, count: 'count' },
})
const sessions = read.window('n.session', {
  session: { gap: '3s' },
  outOfOrderness: '1s',
  aggregate: { all: { list: 'v' } },
})
const mapped = topic('n.mapped', { schema, key: 'k' })
const filtered = topic('n.filtered', { schema, key: 'k' })
const ownCode = topic('n.own', { schema, key: 'k' })
const tagged = z.object({ k: z.string(), v: z.number(), note: z.string(), tags: z.array(z.string()) })
const large = topic('n.large', { schema: tagged, key: 'k' })
const counted = topic('n.counted', { schema, key: 'k' })
const count = { tumbling: '10s', outOfOrderness: '1s', aggregate: { count: 'count' } } as const
const size = custom<z.output<typeof schema>, number, number>({
  version: 1,
  init: () => 0,
  add: (sum, data) => sum + JSON.stringify(data).length,
  merge: (a, b) => a + b,
  result: (sum) => sum,
  encode: String,
  decode: Number,
})
const copy = mapped.map((data) => data).to('n.copy', { version: 1 })
const some = filtered.window('n.some', { ...count, where: { version: 1, keep: ({ v }) => v > 0 } })
const sizes = ownCode.window('n.size', { ...count, aggregate: { size } })
const number = counted.window('n.count', count)
const sums = large.window('n.sum', { tumbling: '10s', outOfOrderness: '1s', aggregate: { sum: { sum: 'v' } } })
/** Named as what every object inherits. */
const inherited = z.object({ k: z.string(), constructor: z.object({ v: z.number() }) })
const made = topic('n.made', { schema: inherited, key: 'k' })
const makers = made.window('n.makers', {
  tumbling: '10s',
  outOfOrderness: '1s',
  aggregate: { sum: { sum: 'constructor.v' } },
})
const { contract } = defineConfig({
  topics: [
    read,
    byKey,
    byRoom,
    sessions,
    mapped,
    copy,
    filtered,
    some,
    ownCode,
    sizes,
    counted,
    number,
    large,
    sums,
    made,
    makers,
  ],
})
const pipeline = new Pipeline(contract)

const eventOf = (data: unknown): EventBody => ({ id: 'x', key: 'a', time: 5, data })
const unforeseen = () => expect.unreachable()
function entryOf(topicName: string, id: number, events: readonly EventBody[], refused?: string) {
  return { topic: topicName, streamId: `${id}-0`, epoch: 'e', watermark: undefined, ...recordBatch(events), refused }
}

const event = fc
  .record({
    n: fc.nat(),
    key: fc.constantFrom('a', 'b', 'é'),
    time: fc.nat({ max: 60_000 }),
    source: fc.option(fc.constantFrom('s-1', 's-2'), { nil: undefined }),
    v: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constant('none')),
    name: fc.oneof(fc.constantFrom('hall', 'é', 'a\nb', '\u0001'), fc.constant(7)),
    floor: fc.integer({ min: -3, max: 90 }),
    note: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
  })
  .map(({ n, key, time, source, v, name, floor, note }): EventBody => {
    const data = { k: key, v, room: { name, floor }, ...(note !== undefined && { note }) }
    return { id: `e-${n}`, key, time, ...(source !== undefined && { source }), data }
  })
const batches = fc.array(fc.array(event, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 })

describe('narrow input', () => {
  it('W-FOLD-15 reads a topic of windows alone by its fields, and gives code all of the data', () => {
    const fieldsOf = (name: string) => pipeline.readerOf(name) !== undefined
    expect(['n.read', 'n.mapped', 'n.filtered', 'n.own', 'n.counted'].filter(fieldsOf)).toEqual(['n.read', 'n.counted'])
    const data = { k: 'a', v: 1.5, room: { name: 'hall', floor: 2 }, note: 'a "quoted" one' }
    const entry = entryOf('n.read', 1, [{ id: 'x', key: 'a', time: 5, source: 's-1', data }])
    const [one] = decodeBatch(entry, unforeseen, pipeline.readerOf('n.read')).events
    expect(one).toBeInstanceOf(NarrowEvent)
    expect((one as NarrowEvent).fields).toEqual({ v: 1.5, room: { name: 'hall', floor: 2 } })
    const { id, key, time, source, data: whole } = one!
    expect({ id, key, time, source, data: whole }).toEqual({ id: 'x', key: 'a', time: 5, source: 's-1', data })
  })

  it.each([
    ['an event of an earlier schema', { k: 'a', v: 1 }],
    ['a member more', { k: 'a', v: 1, room: { name: 'hall', floor: 2 }, x: 1 }],
    ['another type', { k: 'a', v: '1', room: { name: 'hall', floor: 2 } }],
    ['an escape of six characters', { k: 'a', v: 1, room: { name: '\u0001', floor: 2 } }],
  ])('W-FOLD-16 parses a batch with %s', (_, data) => {
    const events = [eventOf({ k: 'a', v: 1, room: { name: 'hall', floor: 2 } }), eventOf(data)]
    const batch = decodeBatch(entryOf('n.read', 1, events), unforeseen, pipeline.readerOf('n.read'))
    expect(batch.events).toEqual(events)
    expect(batch.events.some((each) => each instanceof NarrowEvent)).toBe(false)
  })

  it('W-FOLD-16 reads fields that are named as what every object inherits, each of its own event', () => {
    const events = [1, 2].map((v) => eventOf({ k: 'a', constructor: { v } }))
    const { events: read } = decodeBatch(entryOf('n.made', 1, events), unforeseen, pipeline.readerOf('n.made'))
    expect(read.map((each) => (each as NarrowEvent).fields)).toEqual([1, 2].map((v) => ({ constructor: { v } })))
    expect(Object).not.toHaveProperty('v')
  })

  it('W-FOLD-16 reads the fields beside texts and lists as long as they may be', () => {
    const data = { k: 'a', v: 0.1, note: '\n'.repeat(16_000), tags: new Array<string>(4_000).fill('é\t') }
    const [one] = decodeBatch(entryOf('n.large', 1, [eventOf(data)]), unforeseen, pipeline.readerOf('n.large')).events
    expect((one as NarrowEvent).fields).toEqual({ v: 0.1 })
  })

  it('W-FOLD-15 stores what it stores of parsed events, late events and dead letters included', () => {
    let narrow = 0
    fc.assert(
      fc.property(batches, (input) => {
        const entries = input.map((events, i) => entryOf('n.read', i + 1, events, i % 5 === 4 ? '0' : undefined))
        const storedOf = (isNarrow: boolean) => {
          const store = new FakeStore()
          const fold = new PartitionFold(pipeline, 0, 1, store.load())
          return entries.map((entry) => {
            const batch = decodeBatch(entry, unforeseen, isNarrow ? pipeline.readerOf(entry.topic) : undefined)
            narrow += batch.events.filter((each) => each instanceof NarrowEvent).length
            fold.fold(batch)
            return [store.commit(fold), fold.progress()]
          })
        }
        const [ofNarrow, ofParsed] = [storedOf(true), storedOf(false)].map((stored) => JSON.stringify(stored))
        expect(ofNarrow).toBe(ofParsed)
      }),
      { numRuns: 40 },
    )
    expect(narrow).toBeGreaterThan(0)
  })
})
