import { expect, test } from 'vitest'
import { z } from 'zod'
import { similarField } from '../../src/config/contract/data-fields.ts'
import { defineConfig, topic } from '../../src/index.ts'

const reading = topic('reading', {
  schema: z.object({
    id: z.string(),
    degC: z.number(),
    place: z.object({ room: z.string().nullable() }).optional(),
    tags: z.record(z.string(), z.number()),
    more: z.looseObject({ a: z.string() }),
    either: z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]),
  }),
  key: 'id',
})
const warm = reading.filter(({ degC }) => degC > 20).to('warm', { version: 1 })
const mapped = reading.map(({ degC }) => ({ degF: degC * 1.8 + 32 })).to('mapped', { version: 1 })
const perMinute = reading.window('per_minute', { tumbling: '1m', aggregate: { avg: { avg: 'degC' }, n: 'count' } })
const { contract } = defineConfig({ topics: [reading, warm, mapped, perMinute] })

const similarTo = (path: string, ...topics: string[]) => similarField(contract, topics, path.split('.'))

test.each([
  ['degC', 'reading'],
  ['place.room', 'reading'],
  ['tags.anything', 'reading'],
  ['more.anything', 'reading'],
  ['either.b', 'reading'],
  ['degC', 'warm'],
  ['anything', 'mapped'],
  ['value.avg', 'per_minute'],
  ['withdrawn', 'per_minute'],
  ['degC', 'per_minute.late'],
])('D-FILTER-9 data.%s - may be in %s', (path, name) => {
  expect(similarTo(path, name)).toBeUndefined()
})

test.each([
  ['degc', 'reading', '. Did you mean "degC"?'],
  ['id.x', 'reading', ''],
  ['place.rooom', 'reading', '. Did you mean "room"?'],
  ['either.c', 'reading', ''],
  ['constructor', 'warm', ''],
  ['avg', 'per_minute', ''],
  ['value.av', 'per_minute', '. Did you mean "avg"?'],
  ['avg', 'per_minute.late', ''],
])('D-FILTER-9 data.%s - is in no event of %s', (path, name, similar) => {
  expect(similarTo(path, name)).toBe(similar)
})

test('D-FILTER-9 a field that one of several topics has is right', () => {
  expect(similarTo('value.n', 'reading', 'per_minute')).toBeUndefined()
  expect(similarTo('nope', 'reading', 'mapped')).toBeUndefined()
  expect(similarTo('nope', 'reading', 'per_minute')).toBeDefined()
})
