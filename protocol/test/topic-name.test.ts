import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTopicName, isTopicSelector, LIMITS, matchesTopic } from '../src/index.ts'

const NAMES = ['sensor', 'sensor.reading', 'sensor.10s', 'sensor.10s.late', 'a_b.c_1', 'x'.repeat(LIMITS.topicChars)]
const NOT_NAMES = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'A.b',
  '1a',
  '_a',
  'a._b',
  'a-b',
  'a b',
  'a\n',
  'a.*',
  'é',
  'x'.repeat(129),
]

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,3}$/)
const name = fc.array(word, { minLength: 1, maxLength: 4 })

describe('topic name', () => {
  test('P-TOPIC-1 isTopicName - lower-case dotted words', () => {
    expect(NAMES.filter((text) => !isTopicName(text))).toEqual([])
    expect(NOT_NAMES.filter(isTopicName)).toEqual([])
  })

  test('P-TOPIC-2 isTopicSelector - a name, or a wildcard as the last word', () => {
    const selectors = ['*', '>', 'a', 'a.b', 'a.*', 'a.b.*', 'a.>', 'a.b.>']
    const others = ['', 'a*', 'a.*.b', '*.a', '>.a', '**', 'a.**', 'a>', '.*', '.>', 'A.*', 'a..*']
    expect(selectors.filter((text) => !isTopicSelector(text))).toEqual([])
    expect(others.filter(isTopicSelector)).toEqual([])
  })

  test.each([
    ['sensor.reading', ['sensor.reading']],
    ['sensor', ['sensor']],
    ['sensor.*', ['sensor.reading', 'sensor.10s']],
    ['sensor.>', ['sensor.reading', 'sensor.10s', 'sensor.10s.late']],
    ['sensor.10s.*', ['sensor.10s.late']],
    ['*', ['sensor', 'sensors']],
    ['>', ['sensor', 'sensors', 'sensor.reading', 'sensor.10s', 'sensor.10s.late', 'sensors.reading']],
  ])('P-TOPIC-3 matchesTopic - %s covers', (selector, covered) => {
    const topics = ['sensor', 'sensors', 'sensor.reading', 'sensor.10s', 'sensor.10s.late', 'sensors.reading']
    expect(topics.filter((topic) => matchesTopic(selector, topic))).toEqual(covered)
  })

  test('P-TOPIC-3 matchesTopic - agrees with words compared one by one', () => {
    const selector = fc.tuple(fc.array(word, { maxLength: 3 }), fc.constantFrom('', '*', '>'))
    fc.assert(
      fc.property(name, selector, fc.boolean(), (words, [prefix, wildcard], related) => {
        const start = related ? words.slice(0, prefix.length) : prefix
        const parts = wildcard === '' ? start : [...start, wildcard]
        fc.pre(parts.length > 0)
        const startsAlike = start.every((each, i) => words[i] === each)
        const more = words.length - start.length
        const expected = startsAlike && (wildcard === '' ? more === 0 : wildcard === '*' ? more === 1 : more >= 1)
        expect(isTopicSelector(parts.join('.'))).toBe(true)
        expect(matchesTopic(parts.join('.'), words.join('.'))).toBe(expected)
      }),
    )
  })
})
