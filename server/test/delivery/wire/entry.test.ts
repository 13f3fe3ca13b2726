import type { Lane } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hiddenFields } from '../../../src/access/hidden-fields.ts'
import { encodeEvent, type LogEntry, RecordBatchBuilder } from '../../../src/bus/index.ts'
import { bytesOf, copyEvents } from '../../../src/delivery/wire/encoded-events.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import { LANE_INDEXES } from '../../../src/delivery/wire/lanes.ts'

const event = fc.record({
  id: fc.string({ unit: 'grapheme' }),
  key: fc.string({ unit: 'grapheme' }),
  time: fc.integer({ min: 0, max: 2 ** 45 }),
  lane: fc.constantFrom<Lane[]>('high', 'normal', 'low'),
  data: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
})
const slices = fc.array(fc.array(event, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 5 })

function rawEntry(input: readonly (readonly { lane: Lane; id: string; key: string; time: number; data: unknown }[])[]) {
  const builder = new RecordBatchBuilder()
  for (const slice of input) {
    builder.addSlice(
      slice.map(({ id, key, lane, time, data }) => ({
        key,
        lane,
        time,
        json: encodeEvent(id, key, time, undefined, JSON.stringify(data)),
      })),
    )
  }
  const { header, payload } = builder.build()
  const raw: LogEntry = {
    topic: 'a.x',
    streamId: '1732350000123-7',
    epoch: 'ab1',
    header,
    payload,
    refused: undefined,
    watermark: undefined,
  }
  return raw
}

describe('entry', () => {
  it('D-ENTRY-1 puts the position in front of each stored event and changes nothing else', () => {
    fc.assert(
      fc.property(slices, fc.nat(), fc.nat(), (input, a, b) => {
        const flat = input.flat()
        const { encoded } = new Entry(3, rawEntry(input))
        const from = Math.min(a % flat.length, b % flat.length)
        const to = Math.max(a % flat.length, b % flat.length) + 1
        const indexes = flat.map((_, index) => index)
        const target = Buffer.alloc(bytesOf(encoded, indexes, from, to))
        expect(copyEvents(encoded, indexes, from, to, target, 0)).toBe(target.length)
        expect(JSON.parse(`[${target.toString('utf8').replace(/,$/, '')}]`)).toEqual(
          flat.slice(from, to).map(({ id, key, time, data }, i) => ({
            at: `3@ab1/1732350000123-7.${from + i}`,
            id,
            key,
            time,
            data: JSON.parse(JSON.stringify(data)),
          })),
        )
      }),
    )
  })

  it('D-ENTRY-1 copies any selection of events, neighbours or not', () => {
    fc.assert(
      fc.property(slices, fc.infiniteStream(fc.boolean()), (input, wanted) => {
        const flat = input.flat()
        const { encoded } = new Entry(0, rawEntry(input))
        const picks = flat.map((_, index) => index).filter(() => wanted.next().value)
        const target = Buffer.alloc(bytesOf(encoded, picks, 0, picks.length))
        expect(copyEvents(encoded, picks, 0, picks.length, target, 0)).toBe(target.length)
        const ids = (JSON.parse(`[${target.toString('utf8').replace(/,$/, '')}]`) as { id: string }[]).map((e) => e.id)
        expect(ids).toEqual(picks.map((index) => flat[index]!.id))
      }),
    )
  })

  it('D-ENTRY-2 sorts the events into lanes and leaves refused slices out', () => {
    fc.assert(
      fc.property(slices, fc.nat(), (input, pick) => {
        const refused = pick % input.length
        const first = input.slice(0, refused).flat().length
        const isRefused = (index: number) => index >= first && index < first + input[refused]!.length
        const { lanePicks } = new Entry(0, { ...rawEntry(input), refused: `${refused}` })
        for (const lane of LANE_INDEXES) {
          const expected = input
            .flat()
            .map((e, index) => ({ lane: e.lane, index }))
            .filter((e) => e.lane === ['high', 'normal', 'low'][lane] && !isRefused(e.index))
          expect(lanePicks[lane]).toEqual(expected.map((e) => e.index))
        }
      }),
    )
  })

  it('D-ENTRY-3 is encoded once for all who see the same, before or after it was encoded whole', () => {
    const hidden = hiddenFields(['secret'])
    fc.assert(
      fc.property(slices, fc.boolean(), (input, isFirst) => {
        const flat = input.flat().map((each) => ({ ...each, data: { ...each.data, secret: 'hush' } }))
        const entry = new Entry(3, rawEntry([flat]))
        if (!isFirst) expect(entry.encoded.bytes.includes('hush')).toBe(true)
        const shown = entry.shown(hidden)
        expect(entry.shown(hiddenFields(['secret']))).toBe(shown)
        expect(entry.shown(hiddenFields(['other']))).not.toBe(shown)
        expect(JSON.parse(`[${shown.bytes.toString('utf8').replace(/,$/, '')}]`)).toEqual(
          input.flat().map(({ id, key, time, data: { secret: _, ...data } }, i) => ({
            ...{ at: `3@ab1/1732350000123-7.${i}`, id, key, time },
            data: JSON.parse(JSON.stringify(data)),
          })),
        )
        expect(flat.map((_, i) => bytesOf(shown, [i], 0, 1)).reduce((sum, bytes) => sum + bytes)).toBe(
          shown.bytes.length,
        )
      }),
    )
  })
})
