import type { Lane } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchReader, CorruptBatch, encodeEvent, RecordBatchBuilder } from '../../src/bus/index.ts'

const lane = fc.constantFrom('high', 'normal', 'low')
const event = fc.record({
  id: fc.string({ unit: 'grapheme' }),
  key: fc.string({ unit: 'grapheme' }),
  time: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
  lane,
  data: fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false }), { noNullPrototype: true }),
})
const slices = fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 })

function build(input: readonly (readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[])[]) {
  const builder = new RecordBatchBuilder()
  for (const slice of input) {
    builder.addSlice(
      slice.map((e) => {
        const json = encodeEvent(e.id, e.key, e.time, undefined, JSON.stringify(e.data))
        return { key: e.key, lane: e.lane as Lane, time: e.time, json }
      }),
    )
  }
  return builder.build()
}

describe('record batch', () => {
  it('B-BATCH-1 gives back every column and every event, whole and by byte range', () => {
    fc.assert(
      fc.property(slices, (input) => {
        const flat = input.flat()
        const batch = new BatchReader({ ...build(input), refused: undefined })
        const { header } = batch
        expect(header.keys).toEqual(flat.map((e) => e.key))
        expect(header.times).toEqual(flat.map((e) => e.time))
        expect(header.lanes).toEqual(flat.map((e) => e.lane))
        expect(batch.bodies().map((e) => e.id)).toEqual(flat.map((e) => e.id))
        flat.forEach((e, i) => {
          const one = JSON.parse(batch.jsonOf(i)) as { data: unknown }
          expect(one.data).toEqual(JSON.parse(JSON.stringify(e.data)))
        })
      }),
    )
  })

  it('B-BATCH-4 refuses a batch whose parts do not fit each other', () => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(['a', 'b'].map((key) => ({ key, lane: 'low', time: 1, json: `{"key":"${key}"}` })))
    const { header, payload } = builder.build()
    const whole = JSON.parse(header) as object
    const readAll =
      (changes: object | string, bytes: Buffer = payload, refused?: string) =>
      () => {
        const text = typeof changes === 'string' ? changes : JSON.stringify({ ...whole, ...changes })
        const batch = new BatchReader({ header: text, payload: bytes, refused })
        return [batch.header, batch.refused, batch.acceptedBodies()]
      }
    expect(readAll({})).not.toThrow()
    expect(readAll({}, payload, '0')).not.toThrow()
    const lies = [
      ...['', '{', 'null', '7', '[]', '{}', header.slice(0, -1)],
      ...[{ k: ['a'] }, { k: [1, 2] }, { k: 'ab' }, { b: [1] }, { b: [11, 12] }, { b: [1e9, 11] }, { b: [0, 22] }],
      ...[{ l: 'lll' }, { l: 'x' }, { l: '' }, { s: [1, 0] }, { s: [3] }, { s: 'x' }, { t: [1] }, { t: [1, null] }],
    ]
    for (const lie of lies) expect(readAll(lie), JSON.stringify(lie)).toThrow(CorruptBatch)
    const damaged = [
      payload.subarray(0, -1),
      Buffer.concat([payload, payload]),
      Buffer.alloc(payload.length, '7'),
      Buffer.alloc(0),
    ]
    for (const bytes of damaged) expect(readAll({}, bytes)).toThrow(CorruptBatch)
    for (const refused of ['1', 'x', '-1', '0,9']) expect(readAll({}, payload, refused)).toThrow(CorruptBatch)
  })

  it('B-BATCH-3 gives back every time exactly, from one end of the integers to the other', () => {
    const MAX_DATE = 8_640_000_000_000_000
    const ends = [MAX_DATE, Number.MAX_SAFE_INTEGER].flatMap((end) => [end, end - 1, -end, 1 - end])
    const time = fc.oneof(fc.constantFrom(...ends), fc.maxSafeInteger())
    fc.assert(
      fc.property(fc.array(time, { minLength: 1 }), (times) => {
        const builder = new RecordBatchBuilder()
        builder.addSlice(times.map((time) => ({ key: 'k', lane: 'normal', time, json: '{}' })))
        expect(new BatchReader({ ...builder.build(), refused: undefined }).header.times).toEqual(times)
      }),
    )
  })

  it('B-BATCH-2 masks exactly the events of the refused slices', () => {
    fc.assert(
      fc.property(slices, fc.nat(), (input, pick) => {
        const refused = pick % input.length
        const batch = new BatchReader({ ...build(input), refused: `${refused}` })
        const before = input.slice(0, refused).flat().length
        const expected = input[refused]!.map((_, i) => before + i)
        expect([...batch.refused]).toEqual(expected)
        const accepted = input.filter((_, slice) => slice !== refused).flat()
        expect(batch.acceptedBodies().map((e) => e.id)).toEqual(accepted.map((e) => e.id))
      }),
    )
  })
})
