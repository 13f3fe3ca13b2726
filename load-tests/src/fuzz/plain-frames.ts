import fc from 'fast-check'
import { z } from 'zod'
import { defineConfig, topic } from '../../../server/src/index.ts'

/** Schemas of every kind that a frame is scanned by, and one that looks like them. */
export const { contract: plainContract } = defineConfig({
  topics: [
    topic('p.reading', {
      schema: z.object({ key: z.string(), value: z.number(), note: z.string().optional() }),
      key: 'key',
      priority: 'low',
    }),
    topic('p.order', {
      schema: z.strictObject({
        id: z.string().min(2).max(6),
        state: z.enum(['open', 'paid', 'p']),
        version: z.literal([1, 12, null, true, 'x']),
        amount: z.number().min(-5).lt(100).nullable(),
        share: z.number().gt(0).max(1).optional(),
        count: z.int().nonnegative().optional(),
        paid: z.boolean(),
        lines: z.array(z.object({ sku: z.string(), n: z.number().int() })),
      }),
      key: 'id',
    }),
    topic('p.loose', {
      schema: z.looseObject({
        a: z.object({ b: z.object({ c: z.number().optional() }), d: z.string().nullable() }),
        key: z.string(),
        tags: z.array(z.string().nullable()).optional(),
      }),
      key: 'key',
      priority: 'high',
    }),
    topic('p.other', {
      schema: z.object({ key: z.string().trim(), value: z.number().default(1) }),
      key: 'key',
    }),
  ],
})

const STRINGS = [
  ...[
    '"k-1"',
    '"k-2"',
    '"abc"',
    '"a"',
    '""',
    '"é"',
    '"\u2028"',
    '"\u{1f600}"',
    '"\\u00e9"',
    '"\\ud800"',
    '"\\""',
    '"a b"',
    '"\x7f"',
  ],
  ...[
    '"open"',
    '"paid"',
    '"p"',
    '"x"',
    '"__proto__"',
    `"${'x'.repeat(129)}"`,
    `"${'é'.repeat(257)}"`,
    // Around the lengths that the schemas allow.
    '"ab"',
    '"abcdef"',
    '"abcdefg"',
    '"éééééé"',
    '"ééééééé"',
    '"a,b"',
    '"}]"',
    '"\t"',
  ],
]
const NUMBERS = [
  ...[
    '0',
    '1',
    '-1',
    '12',
    '2.5',
    '-0.25',
    '1.0',
    '-0',
    '0.0',
    '1e3',
    '1E3',
    '1e+21',
    '1e21',
    '1e400',
    '01',
    '.5',
    '1.',
    '-',
  ],
  ...[
    '0.000001',
    '0.0000001',
    '1e-7',
    '1.5e-7',
    '123456789012345',
    '1234567890123456',
    '9007199254740991',
    '9007199254740993',
  ],
  ...[
    '0.1',
    '0.30000000000000004',
    '0.12345678901234567',
    '1.50',
    '0.10',
    '0.5',
    '99.99',
    '100.0',
    '100',
    '100.5',
    '-5',
    '-5.5',
    '12345678901234567890',
    '5e-324',
  ],
]
const OTHERS = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '[1]',
  '{"b":{}}',
  '{"b":{"c":1},"d":null}',
  '["a",null]',
  ' 1',
  '',
  'nul',
  '{"sku":"s","n":1}',
]
const LINES = [
  '[]',
  '[{"sku":"s","n":1}]',
  '[{"n":1,"sku":"s"}]',
  '[{"sku":"s","n":1},{"sku":"t","n":2}]',
  '[{"sku":"s","n":1.5}]',
]
const TIMES = [
  '1732350000000',
  '1732350004999',
  '1732350005001',
  '0',
  '1732350000',
  '173235000000000',
  '1732350000000000',
  '-1',
  '1.5',
  '01',
]
const SPAN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const TRACES = [
  ...[`{"traceparent":"${SPAN}-01"}`, `{"from":1,"traceparent":"${SPAN}-00","tracestate":"a=1,b=2"}`, '{"from":2}'],
  ...[`{"from":1,"traceparent":"${SPAN}"}`, `{"from":0,"traceparent":"cc-${SPAN.slice(3)}-03-x"}`, '{"from":1e3}'],
  ...[
    `{"traceparent":"${SPAN}-01","tracestate":"é"}`,
    `{"traceparent":"${SPAN}-01","tracestate":"\\u0061]"}`,
    '{"from":"1"}',
  ],
  ...[`{"traceparent":"${SPAN}-01","tracestate":"]}"}`, ' ', '[]', 'null', '{"from":-1}', '{"from":999}'],
]
const NASTY_BYTES = [
  0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x20, 0x30, 0x2d, 0x2e, 0x65, 0x00, 0x80, 0xc3, 0xed, 0xff, 0x0a,
  0x31,
]

/** Reads decisions off a list of numbers: a shorter list, or smaller numbers, give a simpler frame. */
class Decisions {
  readonly #numbers: readonly number[]
  #next = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  below(limit: number): number {
    return (this.#numbers[this.#next++] ?? 0) % limit
  }

  /** Once in so many times. */
  seldom(times: number): boolean {
    return this.below(times) === times - 1
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  /** Mostly a good one. */
  mostly(good: readonly string[], all: readonly string[]): string {
    return this.seldom(24) ? this.of(all) : this.of(good)
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items]
    return items.map(() => left.splice(this.below(left.length), 1)[0]!)
  }
}

/** Values in JSON, right and nearly right. */
export const ANY = [...STRINGS, ...NUMBERS, ...OTHERS]
type Member = readonly [name: string, good: readonly string[], isOptional?: boolean]
const GOOD_TEXTS = ['"k-1"', '"k-2"', '"abc"', '"é"', '"a b"', '"\u{1f600}"']
const GOOD_NUMBERS = [
  '0',
  '1',
  '2.5',
  '-0.25',
  '12',
  '0.000001',
  '123456789012345',
  '0.30000000000000004',
  '1e+21',
  '9007199254740991',
]
const MEMBERS: Readonly<Record<string, readonly Member[]>> = {
  'p.reading': [
    ['key', GOOD_TEXTS],
    ['value', GOOD_NUMBERS],
    ['note', GOOD_TEXTS, true],
  ],
  'p.order': [
    ['id', ['"k-1"', '"k-2"', '"abc"', '"éé"']],
    ['state', ['"open"', '"paid"', '"p"']],
    ['version', ['1', '12', 'null', 'true', '"x"']],
    ['amount', ['0', '-5', '2.5', '99.99', 'null']],
    ['share', ['0.5', '1', '0.000001'], true],
    ['count', ['0', '12', '9007199254740991'], true],
    ['paid', ['true', 'false']],
    ['lines', LINES],
  ],
  'p.loose': [
    ['a', ['{"b":{},"d":null}', '{"b":{"c":1},"d":"x"}', '{"d":"x","b":{"c":2.5}}']],
    ['key', GOOD_TEXTS],
    ['tags', ['[]', '["a",null]', '["é"]'], true],
  ],
  'p.other': [
    ['key', GOOD_TEXTS],
    ['value', GOOD_NUMBERS],
  ],
}

/** Values of the type that a member has: what is wrong with one of them is subtle. */
function akinTo([first]: readonly string[]): readonly string[] {
  if (first!.startsWith('"')) return STRINGS
  return /^[-\d]/.test(first!) ? NUMBERS : OTHERS
}

function objectOf(by: Decisions, members: readonly Member[], isShuffled: boolean): string {
  const given = members.filter(([, , isOptional]) => isOptional !== true || by.below(2) === 0)
  const texts = given.map(([name, good]) => `"${name}":${by.mostly(good, by.of([ANY, akinTo(good)]))}`)
  if (by.seldom(48)) texts.splice(by.below(texts.length + 1), 1)
  if (by.seldom(48)) texts.push(by.of(texts.length === 0 ? ['"x":1'] : [...texts, '"x":1', '"__proto__":1']))
  return `{${(isShuffled ? by.shuffled(texts) : texts).join()}}`
}

function eventOf(by: Decisions, members: readonly Member[], index: number, isShuffled: boolean): string {
  const fields: Member[] = [
    ['id', [`"e-${index}"`, `"e-${index}"`, `"é-${index}"`, '"e-1"'], true],
    ['time', TIMES.slice(0, 2), true],
  ]
  if (by.seldom(4)) fields.push(['source', GOOD_TEXTS])
  const texts = fields.flatMap(([name, good]) =>
    by.seldom(8) ? [] : [`"${name}":${by.mostly(good, [...ANY, ...TIMES])}`],
  )
  texts.push(`"data":${objectOf(by, members, isShuffled)}`)
  if (by.seldom(64)) texts.push(by.of([...texts, '"type":"x"', '"data":null']))
  return `{${(by.seldom(4) ? by.shuffled(texts) : texts).join()}}`
}

function frameOf(numbers: readonly number[]): Buffer {
  const by = new Decisions(numbers)
  const topicName = by.of(Object.keys(MEMBERS))
  const isShuffled = by.seldom(3)
  const count = by.seldom(32) ? 0 : 1 + by.below(4)
  const events = Array.from({ length: count }, (_, index) => eventOf(by, MEMBERS[topicName]!, index, isShuffled))
  const head = [
    `"seq":${by.mostly(['7', '0', '99999999999999'], ANY)}`,
    `"topic":${by.mostly([`"${topicName}"`], ANY)}`,
  ]
  if (by.seldom(6)) head.push(`"ageMs":${by.mostly(['0', '5000'], ANY)}`)
  if (by.seldom(40))
    head.push(by.of(['"rejected":[]', '"end":{}', '"events":[]', '"seq":7', '"type":"publish"', '"x":"\\"events\\""']))
  if (by.seldom(4)) {
    const traces = Array.from({ length: by.below(4) }, () => by.mostly(TRACES.slice(0, 3), TRACES))
    head.push(`"trace":${by.mostly([`[${traces.join()}]`], ANY)}`)
  }
  const texts = by.seldom(8) ? by.shuffled(head) : head
  const all = [...texts, `"events":[${events.join()}]`]
  if (by.seldom(8)) all.push(by.of(['"ageMs":5', '"seq":7', '"end":{}', '"topic":"p.reading"', '"x":[]']))
  const bytes = Buffer.from(`{"type":"publish",${(by.seldom(32) ? by.shuffled(all) : all).join()}}`)
  return by.seldom(3) ? damaged(by, bytes) : bytes
}

function damaged(by: Decisions, bytes: Buffer): Buffer {
  let result = bytes
  for (let edits = 1 + by.below(3); edits > 0; edits--) {
    const at = by.below(result.length + 1)
    const removed = by.below(3)
    const inserted = Buffer.from(Array.from({ length: by.below(3) }, () => by.of(NASTY_BYTES)))
    result = Buffer.concat([result.subarray(0, at), inserted, result.subarray(at + removed)])
  }
  return result
}

/** `publish` frames, each byte a character: nearly right, and of every way to write one thing. */
export const plainFrames: fc.Arbitrary<string> = fc
  .array(fc.nat({ max: 1 << 30 }), { minLength: 0, maxLength: 160, size: 'max' })
  .map((numbers) => frameOf(numbers).toString('latin1'))
