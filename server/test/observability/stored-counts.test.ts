import { describe, expect, it } from 'vitest'
import { StoredCounts } from '../../src/observability/stored-counts.ts'

const STEP_MS = 2_000
const START = 1_000 * STEP_MS

function counting() {
  let now = START
  const counts = new StoredCounts({ now: () => now })
  return { counts, at: (steps: number) => (now = START + steps * STEP_MS) }
}

describe('stored counts', () => {
  it('M-STORED-2 reports whole steps, from the first one with events on', () => {
    const { counts, at } = counting()
    counts.add('a', 3)
    at(1)
    counts.add('a', 4)
    at(3.9)
    counts.add('a', 5)
    expect(counts.report()).toEqual({
      stepMs: STEP_MS,
      until: START + 3 * STEP_MS,
      at: START + 3.9 * STEP_MS,
      topics: { a: { total: 12, recent: [3, 4, 0] } },
    })
  })

  it('M-STORED-2 forgets steps after a minute, and never the total', () => {
    const { counts, at } = counting()
    counts.add('a', 3)
    at(30)
    expect(counts.report().topics.a!.recent).toHaveLength(30)
    at(31)
    expect(counts.report().topics).toEqual({ a: { total: 3, recent: [] } })
    // The step that has the same place in its ring.
    at(32)
    counts.add('a', 1)
    at(33)
    expect(counts.report().topics).toEqual({ a: { total: 4, recent: [1] } })
  })

  it('M-STORED-2 goes on when the clock is set back', () => {
    const { counts, at } = counting()
    at(5)
    counts.add('a', 3)
    at(2)
    counts.add('a', 4)
    at(3)
    expect(counts.report().topics).toEqual({ a: { total: 7, recent: [4] } })
  })

  it('M-STORED-3 names the topics with the most events', () => {
    const { counts } = counting()
    for (let n = 1; n <= 201; n++) counts.add(`t${n}`, n)
    const { topics } = counts.report()
    expect([Object.keys(topics).length, topics.t1, topics.t2?.total]).toEqual([200, undefined, 2])
  })
})
