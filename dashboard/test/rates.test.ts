import { describe, expect, test } from 'vitest'
import { HISTORY_STEPS, Rates } from '../src/model/rates.ts'

function rates(topics: Record<string, number[]>): Rates {
  const created = new Rates()
  const all = Object.entries(topics).map(([topic, recent]) => ({ topic, total: 1_000, recent }))
  created.set({ stepMs: 2_000, until: 0, topics: all })
  return created
}

describe('rates', () => {
  test('read - the mean of the last three steps, with a minute of history', () => {
    const { perSecond, total, history } = rates({ a: [90, 6, 12, 18], b: [5] }).read('a')
    expect([perSecond, total]).toEqual([6, 1_000])
    expect(history).toHaveLength(HISTORY_STEPS)
    expect(history.slice(-5)).toEqual([0, 90, 6, 12, 18])
  })

  test('readAll - adds topics up from their last steps on', () => {
    const { perSecond, total, history } = rates({ a: [1, 2], b: [10, 20, 40], c: [7] }).readAll(new Set(['a', 'b']))
    expect([total, history.slice(-3)]).toEqual([2_000, [10, 21, 42]])
    expect(perSecond).toBeCloseTo(73 / 6)
  })

  test('read - a topic without events has a rate of 0, and before an answer nothing is known', () => {
    expect(rates({}).read('a')).toMatchObject({ perSecond: 0, total: 0 })
    expect([new Rates().isKnown, rates({}).isKnown]).toEqual([false, true])
    expect(new Rates().read('a').perSecond).toBe(0)
  })
})
