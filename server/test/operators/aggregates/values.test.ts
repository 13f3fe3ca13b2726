import { describe, expect, test } from 'vitest'
import { AggregateSet } from '../../../src/operators/index.ts'
import { fold, resultOf, setOf } from './fold.ts'
import { spread } from './spread.ts'

describe('stddev', () => {
  test('O-AGG-5 stddev - is that of the population', () => {
    expect(resultOf({ fn: 'stddev', field: 'v' }, [2, 4, 4, 4, 5, 5, 7, 9])).toBe(2)
    expect(resultOf({ fn: 'stddev', field: 'v' }, [3])).toBe(0)
  })

  test('O-AGG-5 stddev - of small differences between large numbers keeps its digits, merged or not', () => {
    const set = setOf({ fn: 'stddev', field: 'v' })
    const values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]
    const merged = fold(set, values.slice(0, 1))
    set.merge(merged, fold(set, values.slice(1)))
    for (const state of [merged, fold(set, values)]) expect(set.result(state).a).toBeCloseTo(Math.sqrt(22.5), 9)
  })
})

describe('first, last, list and custom', () => {
  const first = { fn: 'first', field: 'v' } as const
  const last = { fn: 'last', field: 'v' } as const

  test('O-AGG-6 first and last - go by event time, not by arrival', () => {
    expect(resultOf(first, ['b', 'a', 'c'], [2, 1, 3])).toBe('a')
    expect(resultOf(last, ['b', 'c', 'a'], [2, 3, 1])).toBe('c')
  })

  test('O-AGG-6 first and last - of one time, first is the least value and last the largest', () => {
    for (const values of [
      [3, 'a', true, 20, 'b', false],
      ['b', 20, false, 'a', 3, true],
    ]) {
      const times = values.map(() => 5)
      expect(resultOf(first, values, times)).toBe(false)
      expect(resultOf(last, values, times)).toBe('b')
    }
    expect(resultOf(first, [20, 3], [5, 5])).toBe(3)
  })

  test('O-AGG-13 list - keeps the order of arrival, also of what was apart before', () => {
    const set = setOf({ fn: 'list', field: 'v' })
    const [one, other] = [set.create(), set.create()]
    ;['a', 'b', 'c', 'd'].forEach((v, n) => void set.add(n % 2 === 0 ? one : other, { v }, -n))
    const reloaded = new AggregateSet({ a: { fn: 'list', field: 'v' } })
    const [into, from] = [other, one].map((state) => reloaded.decode(set.encode(state))) as [typeof one, typeof one]
    reloaded.add(into, { v: 'e' }, 0)
    reloaded.merge(into, from)
    expect(reloaded.result(into).a).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('O-AGG-13 list - keeps the first 10,000', () => {
    const values = Array.from({ length: 10_001 }, (_, n) => n)
    expect(resultOf({ fn: 'list', field: 'v' }, values)).toEqual(values.slice(0, 10_000))
  })

  test('O-AGG-14 custom - is given the data and the time of each event', () => {
    const seen: unknown[] = []
    const add = (state: unknown, data: unknown, time: number) => {
      seen.push([data, time])
      return spread.add(state, data, time)
    }
    const set = setOf({ fn: 'custom', version: 1, aggregate: { ...spread, add } })
    expect(set.result(fold(set, [1, 5], [10, 20])).a).toBe(4)
    expect(seen).toEqual([
      [{ v: 1 }, 10],
      [{ v: 5 }, 20],
    ])
  })

  test('O-AGG-14 custom - states may be values that are replaced, and need not be storable when empty', () => {
    const aggregate = {
      version: 1,
      init: () => Number.NEGATIVE_INFINITY,
      add: (state: unknown, data: unknown) => Math.max(state as number, (data as { v: number }).v),
      merge: (into: unknown, from: unknown) => Math.max(into as number, from as number),
      result: (state: unknown) => state,
      encode: (state: unknown) => JSON.stringify(state),
      decode: (text: string) => JSON.parse(text),
    }
    const set = setOf({ fn: 'custom', version: 1, aggregate })
    const state = set.decode(set.encode(set.create()))
    set.merge(state, set.create())
    set.merge(state, fold(set, [-3, -5]))
    expect(set.result(state).a).toBe(-3)
  })
})
