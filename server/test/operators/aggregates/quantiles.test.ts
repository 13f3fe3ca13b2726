import { describe, expect, test } from 'vitest'
import { fold, mergedParts, resultOf, setOf } from './fold.ts'
import { lognormal, randomFrom, zipf } from './numbers.ts'

const at = [0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999]
const spec = { fn: 'quantiles', field: 'v', at } as const
const set = setOf(spec)
/** What is stated, and what rounding adds. */
const ERROR = 0.01 + 1e-9

function exactOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  return at.map((quantile) => sorted[Math.floor(quantile * (sorted.length - 1))]!)
}

function expectWithin(result: unknown, values: readonly number[]): void {
  const found = Object.values(result as Record<string, number>)
  exactOf(values).forEach((exact, n) => {
    expect(Math.abs(found[n]! - exact)).toBeLessThanOrEqual(ERROR * Math.abs(exact))
  })
}

describe('quantiles', () => {
  const random = randomFrom(11)
  const drawn = (draw: () => number) => Array.from({ length: 20_000 }, draw)
  const skewed = {
    lognormal: drawn(lognormal(random, 3, 2)),
    zipf: drawn(zipf(random, 100_000, 1.2)),
    'both signs and zeros': drawn(lognormal(random, 0, 3)).map((v, n) => (n % 3 === 0 ? -v : n % 7 === 0 ? 0 : v)),
    'from the smallest to the largest number': drawn(() => 2 ** Math.floor(50 * random())),
  }

  test.each(Object.entries(skewed))('O-AGG-11 %s values - each is within 1 % of the value of its rank', (_, values) => {
    const whole = set.result(fold(set, values)).a
    expectWithin(whole, values)
    expect(set.result(mergedParts(set, 9, values)).a).toEqual(whole)
  })

  test('O-AGG-11 names and ends - p and the decimals; the least and the largest value are exact', () => {
    expect(resultOf({ fn: 'quantiles', field: 'v', at: [0.5, 0.99, 0.999] }, [5, 5, 5])).toEqual({
      p50: 5,
      p99: 5,
      p999: 5,
    })
    expect(resultOf({ fn: 'quantiles', field: 'v', at: [0.01] }, [-123.4, 0, 7])).toEqual({ p01: -123.4 })
  })

  test('O-AGG-11 values that are no finite numbers - are left out', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, '7', null, undefined, 3]
    expect(resultOf({ fn: 'quantiles', field: 'v', at: [0.5] }, values)).toEqual({ p50: 3 })
    expect(resultOf({ fn: 'quantiles', field: 'v', at: [0.5] }, [null])).toEqual({ p50: Number.NaN })
  })

  test('O-AGG-11 more bins than there is room for - those nearest to zero become one, the others stay as exact', () => {
    const values = Array.from({ length: 6_000 }, (_, n) => 10 ** (n / 10 - 300))
    for (const shuffled of [values, [...values].reverse(), values.map((_, n) => values[(n * 7) % 6_000]!)]) {
      const state = fold(set, shuffled)
      const upper = set.result(state).a as Record<string, number>
      const exact = exactOf(values)
      expect(Math.abs(upper.p99! / exact[6]! - 1)).toBeLessThan(ERROR)
      expect(set.encode(state).length).toBeLessThan(12_000)
      expect(set.encode(state)).toBe(set.encode(fold(set, values)))
      expect(set.encode(mergedParts(set, 5, shuffled))).toBe(set.encode(state))
    }
  })
})
