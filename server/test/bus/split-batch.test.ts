import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BatchReader } from '../../src/bus/batch/batch-reader.ts'
import { encodeEvent, RecordBatchBuilder } from '../../src/bus/batch/record-batch.ts'
import { type BatchFields, splitBatch } from '../../src/bus/growth/split-batch.ts'

const LANES = ['high', 'normal', 'low'] as const

const event = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'é', ''),
  lane: fc.constantFrom(...LANES),
  time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  data: fc.jsonValue({ maxDepth: 1 }),
})
const slice = fc.record({
  events: fc.array(event, { maxLength: 5 }),
  end: fc.option(fc.record({ source: fc.option(fc.constantFrom('s', 't'), { nil: undefined }) }), { nil: undefined }),
  isRefused: fc.boolean(),
})

/** By index: the accepted events with all that a reader sees of them, and the ends that lie before and behind each. */
function read(batch: BatchFields) {
  const reader = new BatchReader(batch)
  const { keys, lanes, times } = reader.header
  const bodies = reader.bodies()
  const events = bodies.flatMap((body, index) =>
    reader.refused.has(index) ? [] : [{ index, key: keys[index], lane: lanes[index], time: times[index], body }],
  )
  const accepted = events.map(({ index }) => index)
  const ends = reader.acceptedEnds().map(({ after, ...end }) => ({ ...end, behind: accepted.slice(0, after) }))
  return { events, ends }
}

it('B-GROW-2 a divided record batch has every event once, under the index it had, with the partition of its key; ends go everywhere', () => {
  fc.assert(
    fc.property(fc.array(slice, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 }), (slices, count) => {
      let n = 0
      const builder = new RecordBatchBuilder()
      for (const { events, end } of slices) {
        const stored = events.map(({ data, ...rest }) => ({
          ...rest,
          json: encodeEvent(`e${n++}`, rest.key, rest.time, undefined, JSON.stringify(data)),
        }))
        builder.addSlice(stored, end)
      }
      const refused = slices.flatMap(({ isRefused }, i) => (isRefused ? [i] : []))
      const batch = { ...builder.build(), refused: refused.length === 0 ? undefined : refused.join() }
      const children = Array.from({ length: count }, (_, child) => child)
      const childOf = (key: string) => (key.codePointAt(0) ?? 0) % count
      const whole = read(batch)
      const parts = splitBatch(batch, children, childOf)

      for (const child of children) {
        const part = parts.get(child)
        const { events, ends } = part === undefined ? { events: [], ends: [] } : read(part)
        const own = whole.events.filter(({ key }) => childOf(key!) === child)
        expect(events).toEqual(own)
        const isOwn = new Set(own.map(({ index }) => index))
        expect(ends).toEqual(whole.ends.map((end) => ({ ...end, behind: end.behind.filter((at) => isOwn.has(at)) })))
      }
    }),
    { verbose: true },
  )
})
