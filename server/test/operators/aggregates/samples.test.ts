import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fold, resultOf, setOf } from './fold.ts'
import { randomFrom } from './numbers.ts'

const rate = { fn: 'rate', field: 'v' } as const
const average = { fn: 'timeWeightedAvg', field: 'v' } as const

/** Computed from all samples, by time. */
function exact(values: readonly number[], times: readonly number[]): { rate: number; average: number } {
  let increase = 0
  let area = 0
  for (let n = 1; n < values.length; n++) {
    const [before, value] = [values[n - 1]!, values[n]!]
    increase += value >= before ? value - before : value
    area += before * (times[n]! - times[n - 1]!)
  }
  const span = times.at(-1)! - times[0]!
  return { rate: (increase / span) * 1_000, average: area / span }
}

function relativeError(found: unknown, expected: number): number {
  return Math.abs((found as number) / expected - 1)
}

/** A counter that begins again every now and then. */
function counterValues(length: number): { values: number[]; times: number[] } {
  const random = randomFrom(21)
  let value = 0
  const values = Array.from({ length }, () => {
    value = random() < 0.02 ? Math.floor(64 * random()) / 64 : value + Math.floor(640 * random()) / 64
    return value
  })
  let time = 1_732_350_000_000
  const times = values.map(() => (time += 1 + Math.floor(2_000 * random())))
  return { values, times }
}

describe('rate and timeWeightedAvg', () => {
  test('O-AGG-7 rate - increase a second between the first and the last sample', () => {
    expect(resultOf(rate, [10, 14, 20], [0, 1_000, 4_000])).toBe(2.5)
  })

  test('O-AGG-7 rate - a lower value means that the counter began again at 0', () => {
    expect(resultOf(rate, [100, 110, 4, 6], [0, 1_000, 2_000, 4_000])).toBe(4)
  })

  test('O-AGG-7 rate - of samples of one time is 0', () => {
    expect(resultOf(rate, [5])).toBe(0)
    expect(resultOf(rate, [5, 8], [7, 7])).toBe(0)
    expect(resultOf(rate, [null, undefined])).toBe(0)
  })

  test('O-AGG-8 timeWeightedAvg - each value counts until the next sample, the last one not at all', () => {
    expect(resultOf(average, [10, 20, 1_000], [0, 9_000, 10_000])).toBe(11)
  })

  test('O-AGG-8 timeWeightedAvg - of samples of one time is the largest value', () => {
    expect(resultOf(average, [5])).toBe(5)
    expect(resultOf(average, [8, 5], [7, 7])).toBe(8)
    expect(resultOf(average, [3, 8, 5, 100], [0, 10, 10, 20])).toBe(5.5)
    expect(resultOf(average, [null])).toBe(Number.NaN)
  })

  test('O-AGG-7 O-AGG-8 samples in any order - give what they give by time', () => {
    const { values, times } = counterValues(200)
    const expected = exact(values, times)
    const order = values.map((_, n) => n)
    fc.assert(
      fc.property(fc.shuffledSubarray(order, { minLength: order.length }), (shuffled) => {
        const given = [shuffled.map((n) => values[n]!), shuffled.map((n) => times[n]!)] as const
        expect(resultOf(rate, ...given)).toBe(expected.rate)
        expect(resultOf(average, ...given)).toBe(expected.average)
      }),
      { numRuns: 20 },
    )
  })

  test('O-AGG-9 more samples than are kept - in order, or 100 apart, give what all of them would', () => {
    const { values, times } = counterValues(20_000)
    const expected = exact(values, times)
    const random = randomFrom(33)
    const order = values.map((_, n) => ({ n, at: n + 100 * random() })).sort((a, b) => a.at - b.at)
    const overtaking = [order.map(({ n }) => values[n]!), order.map(({ n }) => times[n]!)] as const
    for (const given of [[values, times], overtaking] as const) {
      expect(relativeError(resultOf(rate, ...given), expected.rate)).toBeLessThan(1e-9)
      expect(relativeError(resultOf(average, ...given), expected.average)).toBeLessThan(1e-9)
    }
  })

  test('O-AGG-9 more samples than are kept - merged from parts that follow each other', () => {
    const { values, times } = counterValues(5_000)
    const expected = exact(values, times)
    const set = setOf(rate)
    const merged = set.create()
    for (const from of [2_000, 0, 4_000, 1_000, 3_000]) {
      const part = fold(set, values.slice(from, from + 1_000), times.slice(from, from + 1_000))
      set.merge(merged, set.decode(set.encode(part)))
    }
    expect(relativeError(set.result(merged).a, expected.rate)).toBeLessThan(0.02)
  })

  test('O-AGG-9 more samples than are kept - the state is bounded', () => {
    const { values, times } = counterValues(20_000)
    const set = setOf(average)
    const text = set.encode(fold(set, values, times))
    expect(text.split(',').length).toBeLessThanOrEqual(1 + 3 * 256)
  })
})
