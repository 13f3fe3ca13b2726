import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AggregateSpec } from '../../../src/config/contract/model.ts'
import { type Accumulator, AggregateSet } from '../../../src/operators/index.ts'

interface Sample {
  readonly time: number
  readonly data: unknown
}

interface Conforming {
  readonly spec: AggregateSpec
  /** Few enough different ones that ties and repeats are common. */
  readonly data: fc.Arbitrary<unknown>
  /** How far results, then numbers, may be apart by rounding; absent: they MUST be equal. */
  readonly tolerance?: number
  /** Its states are plain numbers in a row, without a version: a changed definition is another window. */
  readonly isUnversioned?: boolean
}

/** What every aggregate MUST do. */
export function describeConformance(name: string, aggregate: Conforming): void {
  const { spec, data, tolerance, isUnversioned = false } = aggregate
  const makeSet = () => new AggregateSet({ a: spec })
  const resultOf = (set: AggregateSet, state: Accumulator) => set.result(state).a
  const expectSame = (found: unknown, expected: unknown) => {
    if (tolerance === undefined) expect(found).toEqual(expected)
    else expect(Math.abs((found as number) - (expected as number))).toBeLessThanOrEqual(tolerance)
  }
  const time = fc.integer({ min: -3_000, max: 3_000 })
  const samples = fc.array(fc.record({ time, data, part: fc.nat(4), isStored: fc.boolean() }), {
    minLength: 1,
    maxLength: 40,
  })
  const fold = (set: AggregateSet, state: Accumulator, added: readonly Sample[]) => {
    for (const sample of added) set.add(state, sample.data, sample.time)
    return state
  }
  const reload = (set: AggregateSet, state: Accumulator) => set.decode(set.encode(state))

  describe(name, () => {
    test('O-AGG-1 O-AGG-3 partial states - merge in any order and grouping, stored at any point, to one over all', () => {
      const merges = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 4, maxLength: 4 })
      fc.assert(
        fc.property(samples, merges, (added, order) => {
          const whole = makeSet()
          const expected = resultOf(whole, fold(whole, whole.create(), added))
          const set = makeSet()
          const parts = Array.from({ length: 5 }, () => set.create())
          for (const { time: at, data: value, part, isStored } of added) {
            set.add(parts[part]!, value, at)
            if (isStored) parts[part] = reload(set, parts[part]!)
          }
          for (const [a, b, isStored] of order) {
            const into = parts.splice(a % parts.length, 1)[0]!
            const at = b % parts.length
            set.merge(into, parts[at]!)
            parts[at] = isStored ? reload(set, into) : into
          }
          expectSame(resultOf(set, parts[0]!), expected)
        }),
      )
    })

    test('O-AGG-3 the text of a state - is one line without a semicolon, and the same again after reading it', () => {
      fc.assert(
        fc.property(samples, (added) => {
          const set = makeSet()
          const text = set.encode(fold(set, set.create(), added))
          expect(text).toMatch(/^[^;\n\r]*$/)
          expect(set.encode(set.decode(text))).toBe(text)
          expect(Buffer.from(text).toString()).toBe(text)
        }),
      )
    })

    if (!isUnversioned) {
      test('O-AGG-3 the text of a state - of another version is refused', () => {
        const set = makeSet()
        const [sample] = fc.sample(data, 1)
        const text = set.encode(fold(set, set.create(), [{ time: 0, data: sample }]))
        expect(() => set.decode(ofVersion99(text))).toThrow(/has version 99, and only version \d+ can be read/)
      })
    }

    test('O-AGG-4 merged states - share nothing: what is added to one does not change the other', () => {
      fc.assert(
        fc.property(samples, samples, fc.boolean(), (added, more, isEmpty) => {
          const set = makeSet()
          const from = fold(set, set.create(), added)
          const into = isEmpty ? set.create() : fold(set, set.create(), more)
          set.merge(into, from)
          const before = { from: set.encode(from), into: set.encode(into) }
          fold(set, into, more)
          expect(set.encode(from)).toBe(before.from)
          const after = set.encode(into)
          fold(set, from, more)
          expect(set.encode(into)).toBe(after)
        }),
      )
    })

    test('O-AGG-4 a new state - becomes a copy of what is merged into it', () => {
      fc.assert(
        fc.property(samples, (added) => {
          const set = makeSet()
          const state = fold(set, set.create(), added)
          const copy = set.create()
          set.merge(copy, state)
          set.merge(copy, set.create())
          expect(set.encode(copy)).toBe(set.encode(state))
        }),
      )
    })

    test('O-AGG-15 data without the field - is no reason to fail', () => {
      const set = new AggregateSet({ a: { ...spec, ...('field' in spec && { field: 'a.b' }) } })
      const state = fold(
        set,
        set.create(),
        [undefined, null, {}, { a: null }].map((empty) => ({ time: 0, data: empty })),
      )
      expect(() => JSON.stringify(set.result(reload(set, state)))).not.toThrow()
    })

    test('O-AGG-15 data of another type - can be stored and read again', () => {
      const set = new AggregateSet({ a: { ...spec, ...('field' in spec && { field: 'a' }) }, n: { fn: 'count' } })
      const state = set.create()
      for (const a of ['1;2|3,4', true, [5], { b: 6 }]) set.add(state, { a }, 0)
      expect(set.result(reload(set, state))).toEqual(set.result(state))
      expect(set.result(state).n).toBe(4)
    })
  })
}

/** The text of one sketch with another version at the place each form has it. */
function ofVersion99(text: string): string {
  const state = text.slice('|'.length)
  if (/^\[\d/.test(state)) return `|${state.replace(/^\[\d+/, '[99')}`
  if (/^\d+,/.test(state)) return `|${state.replace(/^\d+/, '99')}`
  const bytes = Buffer.from(state, 'base64')
  bytes[0] = 99
  return `|${bytes.toString('base64')}`
}
