import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { compileFilter, type FilterableEvent } from '../../../../server/src/filter/compile.ts'
import { FilterError } from '../../../../server/src/filter/index.ts'
import { parseFilter } from '../../../../server/src/filter/parser.ts'
import { printFilter } from '../../../../server/src/filter/print.ts'
import { edited } from '../json-text.ts'
import { NASTY_TEXTS } from '../nasty.ts'
import { must, target } from '../target.ts'

const EVENTS: readonly FilterableEvent[] = [
  { id: 'e-1', key: 's-1', time: 0, source: undefined, data: { a: 1, b: { c: 'x' }, tags: [1], 'odd name': null } },
  {
    id: 'x',
    key: '',
    time: 1e15,
    source: 'gw',
    data: JSON.parse('{"__proto__":{"a":1},"constructor":1,"a":"\\ud800"}'),
  },
  { id: undefined, key: null, time: Number.NaN, source: {}, data: 'text' },
]

const string = fc
  .oneof(
    fc.constantFrom(...NASTY_TEXTS.filter((text) => text.length < 50)),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  .map((text) => JSON.stringify(text))
const scalar = fc.oneof(string, fc.constantFrom('0', '-1', '1.5e3', '1e308', 'true', 'false', 'null', '-0'))
const field = fc.oneof(
  fc.constantFrom('id', 'key', 'time', 'source', 'data', 'data.a', 'data.b.c', 'data.constructor', 'data.__proto__.a'),
  string.map((name) => `data[${name}]`),
)
const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=')
const condition = fc.oneof(
  fc.tuple(field, operator, fc.oneof(scalar, field)).map((parts) => parts.join(' ')),
  fc
    .tuple(field, fc.array(scalar, { minLength: 1, maxLength: 6 }))
    .map(([name, values]) => `${name} in [${values.join()}]`),
  field.map((name) => `has(${name})`),
  fc.tuple(field, string).map(([name, prefix]) => `startsWith(${name}, ${prefix})`),
)
const { filter } = fc.letrec<{ filter: string; group: string }>((tie) => ({
  filter: fc
    .tuple(
      fc.array(fc.oneof(condition, tie('group')), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(' && ', ' || ', '&&'),
    )
    .map(([terms, sign]) => terms.join(sign)),
  group: fc.tuple(fc.constantFrom('', '!', '!!'), tie('filter')).map(([not, inner]) => `${not}(${inner})`),
}))

/** As long, as deep and as full of conditions as the limits allow, and one more. */
const extreme = fc.constantFrom(
  ...[15, 16, 17, 500].flatMap((n) => [`${'('.repeat(n)}has(id)${')'.repeat(n)}`, `${'!'.repeat(n)}has(id)`]),
  ...[31, 32, 33, 100].map((n) => Array.from({ length: n }, () => 'has(data.a)').join(' || ')),
  ...[1_015, 1_016, 100_000].flatMap((n) => [
    `key == "${'a'.repeat(n)}"`,
    `key == "${'\\u0061'.repeat(n / 6)}"`,
    ' '.repeat(n),
  ]),
  `data${'.a'.repeat(500)} == 1`,
  `key in [${'0,'.repeat(490)}0]`,
  `time > ${'1'.repeat(1_000)}`,
)

export default target<string>({
  name: 'filters',
  inputs: fc.oneof(
    { weight: 8, arbitrary: filter },
    { weight: 8, arbitrary: edited(filter) },
    { weight: 1, arbitrary: extreme },
    { weight: 1, arbitrary: edited(extreme) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
  ),
  run(text) {
    try {
      const expression = parseFilter(text)
      const printed = printFilter(expression)
      const matches = compileFilter(expression)
      for (const event of EVENTS) must(typeof matches(event) === 'boolean', 'a filter says neither true nor false')
      // Printed text has blanks and quotes of its own, so it may be longer than what may be sent.
      if (printed.length <= text.length)
        must(isDeepStrictEqual(parseFilter(printed), expression), `${printed} is another filter`)
    } catch (error) {
      if (!(error instanceof FilterError)) throw error
      must(error.column >= 1 && error.column <= text.length + 1, `column ${error.column} is not in the text`)
    }
  },
  covers: ['lexer', 'parser', 'compile', 'print', 'filter-error'].map((name) => `server/src/filter/${name}.ts`),
})
