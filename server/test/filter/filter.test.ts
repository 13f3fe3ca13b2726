import { readFileSync } from 'node:fs'
import { LIMITS } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileFilter } from '../../src/filter/compile.ts'
import { FilterError, openFilter } from '../../src/filter/index.ts'
import { parseFilter } from '../../src/filter/parser.ts'
import { printFilter } from '../../src/filter/print.ts'
import { event, fitting } from './filters.ts'
import { holds } from './naive-filter.ts'

const EVENT = {
  id: 'e-1',
  key: 'o-9',
  time: 1_732_350_000_120,
  source: undefined,
  data: {
    amount: 1299.95,
    limit: 1000,
    currency: 'EUR',
    paid: true,
    note: null,
    user: { tier: 'gold' },
    tags: ['a'],
    'odd name': 1,
  },
}
const says = (text: string) => openFilter(text).matches(EVENT)

function failure(text: string): FilterError {
  try {
    parseFilter(text)
  } catch (error) {
    if (error instanceof FilterError) return error
    throw error
  }
  throw new Error(`${text} was taken`)
}

describe('filter grammar', () => {
  it('D-FILTER-1 binds ! before && before ||, and parentheses before all', () => {
    const shape = (text: string) => printFilter(parseFilter(text))
    expect(shape('key=="a"||key=="b"&&time>1')).toBe('key == "a" || key == "b" && time > 1')
    expect(shape('(key == "a" || key == "b") && time > 1')).toBe('(key == "a" || key == "b") && time > 1')
    expect(shape("((!(data.a=='it\\'s')))")).toBe('!(data.a == "it\'s")')
    expect(shape('!!has(data["odd name"].b)')).toBe('!!has(data["odd name"].b)')
    expect(shape('data["a"] in [1,"x" , null]')).toBe('data.a in [1, "x", null]')
    expect(parseFilter('key == "a" || key == "b" && time > 1')).toMatchObject({
      kind: 'or',
      terms: [{ kind: 'compare' }, { kind: 'and' }],
    })
  })

  it('D-FILTER-1 what is printed parses to the same', () => {
    fc.assert(
      fc.property(fitting, (expression) => {
        const text = printFilter(expression)
        fc.pre(text.length <= LIMITS.filterChars)
        expect(parseFilter(text)).toEqual(expression)
      }),
    )
  })

  it.each([
    ['', 1, 'a field', 'the end'],
    ['data.amount', 12, '== != <= >= < > or in', 'the end'],
    ['data.amount > ', 15, 'a value', 'the end'],
    ['data.amount > foo', 15, 'a field', 'foo'],
    ['amount > 1', 1, 'a field (id, key, time, source, data)', 'amount'],
    ['data.amount >> 1', 14, 'a value', '>'],
    ['data.amount = 1', 13, 'a field, a value or an operator', '"="'],
    ['data. > 1', 7, 'the name of a field', '>'],
    ['data["a" > 1', 10, ']', '>'],
    ['key.length > 1', 4, '== != <= >= < > or in', '.'],
    ['key == "a', 10, 'the closing "', 'the end'],
    ['key == "\\x"', 9, 'an escape of JSON', '"\\\\x"'],
    ['key == "\\u12"', 9, 'an escape of JSON', '"\\\\u"'],
    ['time > 01', 9, 'the number to end', '1'],
    ['time > 1e999', 8, 'a number of 64 bits', '1e999'],
    ['(key == "a"', 12, '&&, || or )', 'the end'],
    ['key == "a")', 11, '&&, || or the end', ')'],
    ['key == "a" key', 12, '&&, || or the end', 'key'],
    ['!key == "a"', 2, '( after !', 'key'],
    ['key in []', 9, 'a string, a number, true, false or null', ']'],
    ['key in [data.a]', 9, 'a string, a number, true, false or null', 'data'],
    ['"a" in ["a"]', 5, '== != <= >= < >', 'in'],
    ['has("a")', 5, 'a field', '"a"'],
    ['startsWith(key)', 15, ',', ')'],
    ['startsWith(key, 1)', 17, 'a string in quotes', '1'],
    ['matches(key, "a")', 1, 'a field', 'matches'],
    ['key == "a"; x', 11, 'a field, a value or an operator', '";"'],
    ['key == \u{1F600}', 8, 'a field, a value or an operator', '"\u{1F600}"'],
  ])('D-FILTER-2 %j fails at column %i', (text, column, expected, found) => {
    const error = failure(text)
    expect(error.column).toBe(column)
    expect(error.expected).toContain(expected)
    expect(error.message).toBe(`column ${column}: expected ${error.expected}, found ${found}`)
  })

  it('D-FILTER-8 a string with a lone surrogate is refused, written as it is or escaped', () => {
    for (const text of ['key == "\ud800x"', String.raw`key == "\udfff"`, String.raw`key in ["a", "\ud83d"]`]) {
      expect(failure(text).message).toContain('lone surrogate')
    }
    expect(openFilter(String.raw`key == "\ud83d\ude00"`)).toBeDefined()
  })

  it('D-FILTER-2 whatever it is given, it throws nothing but its own error', () => {
    const piece = fc.oneof(
      fc.constantFrom('data', '.a', '["b"]', 'key', '==', '!=', '<', 'in', '[', ']', '(', ')', '!', '&&', '||', ','),
      fc.constantFrom('has(', 'startsWith(', '1', '-0.5e3', '"a"', "'", 'true', 'null', ' ', '\\', '\n'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(text, event, (source, each) => {
        let filter: ReturnType<typeof openFilter>
        try {
          filter = openFilter(source)
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError)
          expect((error as FilterError).column).toBeGreaterThan(0)
          expect((error as FilterError).column).toBeLessThanOrEqual(source.length + 1)
          return
        }
        expect(typeof filter.matches(each)).toBe('boolean')
      }),
      { numRuns: 2_000 },
    )
  })

  it('D-FILTER-3 is bounded in length, conditions and depth', () => {
    const { filterChars, filterDepth, filterTerms } = LIMITS
    const long = (chars: number) => `key == "${'x'.repeat(chars - 9)}"`
    const wide = (terms: number) => Array(terms).fill('has(key)').join(' && ')
    const deep = (depth: number) => `${'('.repeat(depth)}key == "a"${')'.repeat(depth)}`
    const negated = (depth: number) => `${'!'.repeat(depth)}has(key)`
    for (const text of [long(filterChars), wide(filterTerms), deep(filterDepth), negated(filterDepth)]) {
      expect(() => parseFilter(text)).not.toThrow()
    }
    expect(failure(long(filterChars + 1)).expected).toBe(`at most ${filterChars} characters`)
    expect(failure(wide(filterTerms + 1)).expected).toBe(`at most ${filterTerms} conditions`)
    expect(failure(deep(filterDepth + 1)).expected).toBe(`at most ${filterDepth} ! and ( inside each other`)
    expect(failure(negated(filterDepth + 1)).expected).toBe(`at most ${filterDepth} ! and ( inside each other`)
  })
})

describe('filter meaning', () => {
  it('D-FILTER-4 compares numbers with numbers and strings with strings', () => {
    expect(says('data.amount > 1000')).toBe(true)
    expect(says('data.amount > data.limit && data.currency >= "EUR"')).toBe(true)
    expect(says('data.amount > "1000" || data.currency < 5 || data.paid > false')).toBe(false)
    expect(says('data.paid == true && data.note == null')).toBe(true)
    expect(says('data.limit == "1000" || data.paid == 1')).toBe(false)
    expect(says('data.limit != "1000"')).toBe(true)
    expect(says('data.currency in ["USD", "EUR"]')).toBe(true)
    expect(says('startsWith(key, "o-") && !startsWith(data.currency, "U")')).toBe(true)
    expect(says('data["odd name"] == 1 && data.user.tier == "gold" && time >= 1732350000120')).toBe(true)
  })

  it('D-FILTER-5 a missing field, an object and an array make every comparison false', () => {
    for (const field of ['data.none', 'data.user', 'data.tags', 'data.currency.length', 'source', 'data.tags.length']) {
      for (const condition of ['== 1', '!= 1', '< 1', '>= 1', '== null', '!= null', 'in [1, null]', `== ${field}`]) {
        expect(says(`${field} ${condition}`), `${field} ${condition}`).toBe(false)
      }
      expect(says(`startsWith(${field}, "")`)).toBe(false)
    }
    expect(says('!(data.none == 1)')).toBe(true)
    expect(says('has(data.none) || has(source) || has(data.toString) || has(data.__proto__)')).toBe(false)
    expect(says('has(data.user) && has(data.tags) && has(data.note) && has(data)')).toBe(true)
  })

  it('D-FILTER-1 D-FILTER-3 docs/filters.md shows filters, and the limits there are', () => {
    const page = readFileSync(new URL('../../../docs/filters.md', import.meta.url), 'utf8')
    const [, examples] = /```filter\n([^`]*)\n```/.exec(page)!
    expect(examples!.split('\n').length).toBeGreaterThan(4)
    for (const example of examples!.split('\n')) expect(() => openFilter(example)).not.toThrow()
    const [, fault] = /```\n(column [^`]*)\n```/.exec(page)!
    expect(failure('data.amount > foo').message).toBe(fault)
    const { filterChars, filterTerms, filterDepth } = LIMITS
    expect(page).toContain(
      `${filterChars.toLocaleString('en')} characters, ${filterTerms} conditions and ${filterDepth} levels`,
    )
  })

  it('D-FILTER-4 D-FILTER-5 a compiled filter says what a naive reading of the rules says', () => {
    fc.assert(
      fc.property(fitting, event, (expression, each) => {
        expect(compileFilter(expression)(each)).toBe(holds(expression, each))
      }),
      { numRuns: 3_000 },
    )
  })
})
