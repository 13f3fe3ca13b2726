import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateSpec } from '../../src/config/contract/model.ts'
import { AggregateSet } from '../../src/operators/index.ts'

const set = new AggregateSet({
  count: { fn: 'count' },
  sum: { fn: 'sum', field: 'v' },
  avg: { fn: 'avg', field: 'v' },
  last: { fn: 'last', field: 'v' },
  min: { fn: 'min', field: 'v' },
  max: { fn: 'max', field: 'v' },
  distinct: { fn: 'distinct', field: 'v' },
})

function fold(values: readonly number[]) {
  const state = set.create()
  values.forEach((v, n) => void set.add(state, { v }, n))
  return state
}

describe('aggregates', () => {
  it('O-AGG-1 several of one window - each is what it would be alone, in the order of the spec', () => {
    const state = set.decode(set.encode(fold([3, 1, 2, 1])))
    set.merge(state, fold([4]))
    const expected = { count: 5, sum: 11, avg: 2.2, last: 1, min: 1, max: 4, distinct: 4 }
    expect(set.result(state)).toEqual(expected)
    expect(Object.keys(set.result(state))).toEqual(Object.keys(expected))
  })

  it('O-AGG-2 keep what plain addition loses', () => {
    expect(set.result(fold([1e16, 1, -1e16])).sum).toBe(1)
    expect(set.result(fold(new Array(1_000).fill(0.1))).sum).toBe(100)
  })

  it('O-AGG-2 sums of decimals - are within 1e-12 of the exact sum, in any order and grouping', () => {
    const decimals = fc.array(fc.integer({ min: 1, max: 1_000_000_000 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(decimals, fc.nat(5), (cents, parts) => {
        const merged = set.create()
        for (let part = 0; part <= parts; part++) {
          set.merge(merged, fold(cents.filter((_, n) => n % (parts + 1) === part).map((n) => n / 1_000)))
        }
        const exact = cents.reduce((a, b) => a + b, 0) / 1_000
        expect(Math.abs((set.result(merged).sum as number) / exact - 1)).toBeLessThan(1e-12)
      }),
    )
  })

  it('O-AGG-15 a field - is a path into the data, or without one the data itself', () => {
    const deep = new AggregateSet({ sum: { fn: 'sum', field: 'value.avg.v' }, last: { fn: 'last', field: 'value.on' } })
    const state = deep.create()
    deep.add(state, { value: { avg: { v: 2 }, on: true }, 'value.on': 'no' }, 0)
    expect(deep.result(state)).toEqual({ sum: 2, last: true })

    const bare = new AggregateSet({
      sum: { fn: 'sum' } as unknown as AggregateSpec,
      top: { fn: 'topK', k: 1 } as unknown as AggregateSpec,
    })
    const values = bare.create()
    for (const value of [1, 2, 2]) bare.add(values, value, 0)
    expect(bare.result(values)).toEqual({ sum: 5, top: [{ value: 2, count: 2, error: 0 }] })
  })
})
