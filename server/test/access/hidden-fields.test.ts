import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  hiddenByBoth,
  hiddenByEither,
  hiddenFields,
  isHidden,
  removeHidden,
  shownCopy,
} from '../../src/access/hidden-fields.ts'
import { ALL_KEYS } from '../../src/access/key-scope.ts'
import { hiddenOfTopic, Sight } from '../../src/access/sight.ts'
import { readAllowed } from '../../src/config/access/allowed.ts'
import { defineConfig, topic } from '../../src/index.ts'

const PATHS = ['a', 'b', 'a.x', 'a.y', 'a.x.p', 'b.q']
const somePaths = fc.subarray(PATHS)

describe('hidden fields', () => {
  it('ACC-VIEW-1 of two, what either shows is shown; of either, what both show', () => {
    const field = fc.constantFrom(...[...PATHS, 'a.x.p.z', 'c'].map((path) => path.split('.')))
    fc.assert(
      fc.property(somePaths, somePaths, field, (left, right, name) => {
        const [a, b] = [hiddenFields(left), hiddenFields(right)]
        expect(isHidden(hiddenByBoth(a, b), name)).toBe(isHidden(a, name) && isHidden(b, name))
        expect(isHidden(hiddenByEither([a, b]), name)).toBe(isHidden(a, name) || isHidden(b, name))
      }),
    )
  })

  it('ACC-VIEW-1 are the same only where the fields are, whatever these are called', () => {
    const one = hiddenFields(['first name'])
    const two = hiddenFields(['first', 'name'])
    expect(one.text).not.toBe(two.text)
    expect(hiddenByBoth(one, two).paths).toEqual([])
    const data = { first: 1, name: 2, 'first name': 3 }
    expect([shownCopy(data, one), shownCopy(data, two)]).toEqual([{ first: 1, name: 2 }, { 'first name': 3 }])
  })

  it('ACC-VIEW-2 are removed through lists, and nothing else is', () => {
    const data = { a: [{ x: 1, y: 2 }, { x: 3 }, 4, null], b: { q: 5, r: 6 }, c: 7, 'a.x': 8 }
    const shown = shownCopy(data, hiddenFields(['a.x', 'b.q', 'c.z', 'd', 'constructor', '__proto__.polluted']))
    expect(shown).toEqual({ a: [{ y: 2 }, {}, 4, null], b: { r: 6 }, c: 7, 'a.x': 8 })
    expect(data.b.q).toBe(5)
    for (const value of [undefined, null, 'text', 3, []])
      expect(() => removeHidden(value, hiddenFields(['a']))).not.toThrow()
  })
})

describe('sight', () => {
  const listed = (...keys: string[]) => ({ kind: 'listed', keys: new Set(keys) }) as const
  const email = hiddenFields(['email'])
  const none = hiddenFields([])

  it('ACC-VIEW-1 depends on the key, and events in a row that show the same stay together', () => {
    const sight = new Sight([
      { scope: ALL_KEYS, hidden: email },
      { scope: listed('me'), hidden: none },
    ])
    expect([sight.of('me').text, sight.of('you').text]).toEqual([none.text, email.text])
    expect(sight.split(['you', 'they', 'me', 'you'], [0, 1, 2, 3]).map(({ picks }) => picks)).toEqual([
      [0, 1],
      [2],
      [3],
    ])
    expect(sight.unseen([['email']], ALL_KEYS)).toEqual(['email'])
    expect(sight.unseen([['email']], listed('me'))).toBeUndefined()
    const whole = new Sight([
      { scope: ALL_KEYS, hidden: none },
      { scope: listed('me'), hidden: email },
    ])
    expect(whole.isWhole).toBe(true)
  })

  it('ACC-VIEW-3 late events and those of a filter hide what their input hides; a map and a window are of their own', () => {
    const profile = topic('p', { schema: z.object({ id: z.string(), email: z.string(), n: z.number() }), key: 'id' })
    const kept = profile.filter(() => true).to('kept', { version: 1 })
    const made = profile.map(({ email }) => ({ email })).to('made', { version: 1 })
    const sum = kept.window('sum', { tumbling: '1h', aggregate: { n: { sum: 'n' } } })
    const { contract } = defineConfig({ topics: [profile, kept, made, sum] })
    const hiddenOf = (name: string) => hiddenOfTopic(contract, name)({ p: ['email'] })
    expect(['p', 'kept', 'sum.late', 'made', 'sum'].map(hiddenOf)).toEqual([['email'], ['email'], ['email'], [], []])
  })
})

describe('hide in a rule or token', () => {
  const problemsOf = (allow: object) => {
    const found: string[] = []
    readAllowed(allow as Record<string, unknown>, (message) => void found.push(message))
    return found
  }
  it('ACC-VIEW-5 what cannot be read is refused', () => {
    expect(problemsOf({ hide: { 'a.b': ['x', 'y.z'] } })).toEqual([])
    const bad = [[], 'a', { a: 'x' }, { a: [1] }, { a: [''] }, { a: ['x..y'] }, { 'A b': ['x'] }]
    for (const hide of [...bad, { a: Array.from({ length: 257 }, (_, i) => `f${i}`) }]) {
      expect([hide, problemsOf({ hide }).length]).toEqual([hide, 1])
    }
  })
})
