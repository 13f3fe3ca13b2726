import { describe, expect, test } from 'vitest'
import type { AggregateSpec } from '../../../src/config/contract/model.ts'
import { fold, mergedParts, resultOf, setOf } from './fold.ts'
import { randomFrom, zipf } from './numbers.ts'

interface Top {
  readonly value: unknown
  readonly count: number
  readonly error: number
}

const topOf = (k: number): AggregateSpec => ({ fn: 'topK', field: 'v', k })

function countsOf(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

describe('topK', () => {
  test('O-AGG-12 few values - the counts are exact, and equal ones rank by value', () => {
    expect(resultOf(topOf(3), ['b', 'a', 7, 'a', true, 7, 'b', 'c'])).toEqual([
      { value: 7, count: 2, error: 0 },
      { value: 'a', count: 2, error: 0 },
      { value: 'b', count: 2, error: 0 },
    ])
  })

  test('O-AGG-12 O-AGG-17 with a weight - the largest sums; negative weights are subtracted', () => {
    const set = setOf({ fn: 'topK', field: 'item.id', k: 2, by: 'price' })
    const state = set.create()
    for (const [id, price] of [
      ['a', 1],
      ['b', 2.5],
      ['a', 2],
      ['c', -9],
      ['c', 0],
      ['d', Number.NaN],
      ['e', 7],
      ['e', -6],
      ['f', 0.1],
      ['f', 0.2],
      ['f', -0.3],
    ] as const) {
      set.add(state, { item: { id }, price }, 0)
    }
    expect(set.result(state).a).toEqual([
      { value: 'a', count: 3, error: 0 },
      { value: 'b', count: 2.5, error: 0 },
    ])
  })

  test.each([1, 8])(
    'O-AGG-17 sales and refunds in %i parts - every sum is as exact as it says, none missing',
    (parts) => {
      const random = randomFrom(7)
      const draw = zipf(random, 5_000, 1.05)
      const sales = Array.from({ length: 50_000 }, () => ({ v: draw(), price: 1 + Math.floor(random() * 4) }))
      const refunds = sales.filter(() => random() < 0.3).map(({ v, price }) => ({ v, price: -price }))
      const events = [...sales, ...refunds]
      const exact = new Map<number, number>()
      for (const { v, price } of events) exact.set(v, (exact.get(v) ?? 0) + price)
      const total = events.reduce((sum, { price }) => sum + Math.abs(price), 0)
      const set = setOf({ fn: 'topK', field: 'v', k: 50, by: 'price' })
      const states = Array.from({ length: parts }, () => set.create())
      events.forEach((event, n) => void set.add(states[n % parts]!, event, 0))
      const merged = states.reduce((into, from) => {
        set.merge(into, set.decode(set.encode(from)))
        return into
      }, set.create())
      const top = set.result(merged).a as Top[]
      for (const { value, count, error } of top) {
        const sum = exact.get(value as number)!
        expect(count).toBeGreaterThanOrEqual(sum)
        expect(count - error).toBeLessThanOrEqual(sum)
        expect(error).toBeLessThanOrEqual(total / 512)
      }
      const best = [...exact].sort(([, a], [, b]) => b - a).slice(0, 5)
      expect(top.slice(0, 5).map(({ value }) => value)).toEqual(best.map(([value]) => value))
    },
  )

  test('O-AGG-17 a state from before refunds were subtracted is read', () => {
    const set = setOf({ fn: 'topK', field: 'v', k: 2, by: 'price' })
    const state = set.create()
    set.add(state, { v: 'a', price: 3 }, 0)
    const before = set.encode(state)
    expect(before).toContain('[1,"a",3,0]')
    const decoded = set.decode(before)
    set.add(decoded, { v: 'a', price: -1 }, 0)
    expect(set.encode(decoded)).toContain('[2,1,"a",3,0,"a",1,0]')
    expect(set.result(set.decode(set.encode(decoded))).a).toEqual([{ value: 'a', count: 2, error: 0 }])
  })

  test.each([1, 8])(
    'O-AGG-12 skewed values in %i parts - every count is as exact as it says, none missing',
    (parts) => {
      const draw = zipf(randomFrom(5), 50_000, 1.05)
      const values = Array.from({ length: 100_000 }, draw)
      const exact = countsOf(values)
      const set = setOf(topOf(100))
      const top = set.result(mergedParts(set, parts, values)).a as Top[]
      for (const { value, count, error } of top) {
        const seen = exact.get(value as number)!
        expect(count).toBeGreaterThanOrEqual(seen)
        expect(count - error).toBeLessThanOrEqual(seen)
        expect(error).toBeLessThanOrEqual(values.length / 512)
      }
      const named = new Set(top.map(({ value }) => value))
      for (const [value, count] of exact) if (count > values.length / 100) expect(named).toContain(value)
      expect(top.slice(0, 5).map(({ value }) => value)).toEqual([1, 2, 3, 4, 5])
    },
  )

  test('O-AGG-12 values that all differ, merged again and again - no count is off by more than its share', () => {
    const set = setOf(topOf(512))
    const values = Array.from({ length: 20_000 }, (_, n) => n)
    const state = mergedParts(set, 13, values)
    const top = set.result(state).a as Top[]
    expect(top).toHaveLength(512)
    for (const { count, error } of top) {
      expect(count - error).toBeLessThanOrEqual(1)
      expect(error).toBeLessThanOrEqual(values.length / 512)
    }
  })

  test('O-AGG-12 a large k - has four counters for each', () => {
    const values = Array.from({ length: 4_000 }, (_, n) => n)
    const top = resultOf(topOf(1_000), [...values, ...values]) as Top[]
    expect(top).toHaveLength(1_000)
    expect(top.every(({ count, error }) => count === 2 && error === 0)).toBe(true)
  })

  test('O-AGG-12 a state stored in between - goes on as if it had not been', () => {
    const set = setOf(topOf(20))
    const draw = zipf(randomFrom(9), 5_000, 0.8)
    const values = Array.from({ length: 5_000 }, draw)
    let stored = set.create()
    values.forEach((v, n) => {
      set.add(stored, { v }, 0)
      if (n % 611 === 0) stored = set.decode(set.encode(stored))
    })
    expect(set.encode(stored)).toBe(set.encode(fold(set, values)))
  })
})
