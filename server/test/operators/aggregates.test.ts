import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AggregateSet } from '../../src/operators/aggregate-set.ts'

const set = new AggregateSet({
  count: { fn: 'count' },
  sum: { fn: 'sum', field: 'v' },
  avg: { fn: 'avg', field: 'v' },
  min: { fn: 'min', field: 'v' },
  max: { fn: 'max', field: 'v' },
})
/** Multiples of 1/64: their sums are exact in any order. */
const value = fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 64)

function fold(values: readonly number[]) {
  const state = set.create()
  for (const v of values) set.add(state, { v })
  return state
}

describe('aggregates', () => {
  it('O-AGG-1 merge in any order and grouping to the state over all values', () => {
    const groups = fc.array(fc.array(value, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 })
    const ordered = groups.chain((parts) =>
      fc.tuple(fc.constant(parts), fc.shuffledSubarray(parts, { minLength: parts.length })),
    )
    fc.assert(
      fc.property(ordered, ([parts, shuffled]) => {
        const all = parts.flat()
        const merged = set.create()
        for (const part of shuffled) set.merge(merged, fold(part))
        const total = all.reduce((a, b) => a + b, 0)
        const expected = {
          count: all.length,
          sum: total,
          avg: total / all.length,
          min: Math.min(...all),
          max: Math.max(...all),
        }
        expect(set.result(merged)).toEqual(expected)
        expect(set.result(fold(all))).toEqual(expected)
      }),
    )
  })

  it('O-AGG-2 keep what plain addition loses', () => {
    expect(set.result(fold([1e16, 1, -1e16])).sum).toBe(1)
    expect(set.result(fold(new Array(1_000).fill(0.1))).sum).toBe(100)
  })
})
