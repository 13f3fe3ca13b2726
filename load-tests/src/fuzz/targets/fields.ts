import fc from 'fast-check'
import { z } from 'zod'
import { BatchReader, CorruptBatch, type EventBody } from '../../../../server/src/bus/index.ts'
import { plainObject } from '../../../../server/src/config/schema/plain-schema.ts'
import { FieldReader } from '../../../../server/src/fold/field-reader.ts'
import { dataOf, NarrowEvent } from '../../../../server/src/fold/narrow-event.ts'
import { parseField, readField } from '../../../../server/src/operators/index.ts'
import { ANY } from '../plain-frames.ts'
import { must, target } from '../target.ts'

/** A stored record batch, its payload as base64. */
export interface FieldsInput {
  readonly header: string
  readonly payload: string
  readonly refused?: string
}

const schema = z.object({
  before: z.boolean().optional(),
  n: z.number(),
  s: z.string(),
  in: z.object({
    n: z.number().nullable(),
    deep: z.object({ s: z.enum(['a', 'a.b', 'ab']) }),
    x: z.number().optional(),
  }),
  tags: z.array(z.string()).optional(),
})
const PATHS = ['n', 's', 'in.n', 'in.deep.s']
const FIELDS = PATHS.map(parseField)
/** One for all inputs: none of them may show in another. */
const reader = FieldReader.of(plainObject(schema)!, PATHS)!

const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()).map((n) => JSON.stringify(n))
const text = fc.string({ unit: 'grapheme', maxLength: 8 }).map((value) => JSON.stringify(value))
const value = fc.oneof(
  ...[number, text, fc.constantFrom(...ANY)],
  fc.jsonValue({ maxDepth: 2 }).map((any) => JSON.stringify(any)),
)
/** Mostly one that fits, else anything. */
const mostly = (fits: fc.Arbitrary<string>) => fc.oneof({ weight: 24, arbitrary: fits }, value)
const member = (name: string, json: fc.Arbitrary<string>, isOptional = false) =>
  fc.oneof(
    ...(isOptional ? [fc.constant('')] : []),
    json.map((each) => `"${name}":${each}`),
  )
const objectOf = (...members: readonly fc.Arbitrary<string>[]) =>
  fc.tuple(fc.tuple(...members), fc.integer({ min: 0, max: 40 })).map(([texts, turn]) => {
    const given = texts.filter((each) => each !== '')
    // Seldom in another order.
    return `{${(turn === 0 ? given.reverse() : given).join()}}`
  })
const data = objectOf(
  member('before', mostly(fc.constantFrom('true', 'false')), true),
  member('n', mostly(number)),
  member('s', mostly(text)),
  member(
    'in',
    objectOf(
      member('n', mostly(fc.oneof(number, fc.constant('null')))),
      member('deep', objectOf(member('s', mostly(fc.constantFrom('"a"', '"a.b"', '"ab"'))))),
      member('x', mostly(number), true),
    ),
  ),
  member('tags', mostly(fc.array(text, { maxLength: 3 }).map((texts) => `[${texts.join()}]`)), true),
)
const key = fc.oneof(fc.constantFrom('k-1', 'é', 'a"b', '\u2028'), fc.string({ unit: 'grapheme', maxLength: 6 }))
const time = fc.oneof(fc.constantFrom(0, -1, 1_732_350_000_000), fc.maxSafeInteger())
const event = fc.record({ id: text, key, time, source: fc.option(text), data })

const batch = fc.array(event, { minLength: 1, maxLength: 3 }).map((events) => {
  const texts = events.map(({ id, key: of, time: at, source, data: json }) => {
    const from = source === null ? '' : `,"source":${source}`
    return `{"id":${id},"key":${JSON.stringify(of)},"time":${at}${from},"data":${json}}`
  })
  return { keys: events.map((each) => each.key), times: events.map((each) => each.time), texts }
})

/** A byte changed, or one too many, or one missing; lengths of the header as before. */
const input = fc
  .tuple(batch, fc.constantFrom('none', 'none', 'changed'), fc.nat(), fc.nat({ max: 255 }), fc.boolean())
  .map(([{ keys, times, texts }, damage, place, byte, isRefused]) => {
    const payload = Buffer.from(texts.join())
    if (damage === 'changed') payload[place % payload.length] = byte
    const header = {
      k: keys,
      T: times,
      b: texts.map((each) => Buffer.byteLength(each)),
      l: 'n',
      s: texts.map((_, i) => i),
    }
    return {
      header: JSON.stringify(header),
      payload: payload.toString('base64'),
      ...(isRefused && { refused: '0' }),
    }
  })

/** How the events of a batch are read. @throws Error where what was read is not what parsing gives */
export function readBoth({ header, payload, refused }: FieldsInput): 'narrow' | 'parsed' {
  const entry = { header, payload: Buffer.from(payload, 'base64'), refused }
  let events: readonly EventBody[] | undefined
  try {
    events = reader.accepted(new BatchReader(entry))
  } catch (error) {
    if (!(error instanceof CorruptBatch)) throw error
    return 'parsed'
  }
  if (events === undefined) return 'parsed'
  const batch = new BatchReader(entry)
  const whole = batch.acceptedBodies()
  const indexes = batch.bodies().flatMap((_, index) => (batch.refused.has(index) ? [] : [index]))
  must(events.length === whole.length, 'events are missing')
  for (const [i, narrow] of events.entries()) {
    const expected = whole[i]!
    must(narrow instanceof NarrowEvent, 'it was parsed')
    // A damaged event may name others.
    must(narrow.key === batch.header.keys[indexes[i]!], 'the key is another one')
    must(narrow.time === batch.header.times[indexes[i]!], 'the time is another one')
    must(narrow.source === expected.source && narrow.id === expected.id, 'source or id differ')
    must(JSON.stringify(narrow.data) === JSON.stringify(expected.data), 'the data differ')
    for (const field of FIELDS)
      must(Object.is(readField(dataOf(narrow), field), readField(expected.data, field)), `${field.path} differs`)
  }
  return 'narrow'
}

/** Fields that are read of an event are what parsing gives. */
export default target<FieldsInput>({
  name: 'fields',
  inputs: input,
  run: (each) => void readBoth(each),
  covers: ['server/src/fold/field-reader.ts', 'server/src/fold/narrow-event.ts', 'server/src/fold/data-pattern.ts'],
})
