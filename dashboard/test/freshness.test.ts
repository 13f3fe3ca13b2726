import { describe, expect, test } from 'vitest'
import { Freshness } from '../src/model/freshness.ts'

describe('freshness', () => {
  test('staleSince - the moment at which the connection was lost, until it is back', () => {
    const freshness = new Freshness()
    freshness.answered(900)
    freshness.connected(false, 1_000)
    freshness.connected(false, 5_000)
    expect(freshness.staleSince(6_000)).toEqual({ since: 1_000, why: 'not connected' })
    freshness.connected(true, 6_000)
    expect(freshness.staleSince(6_000)).toBeUndefined()
  })

  test('staleSince - when an answer says that it is of an earlier moment, that moment', () => {
    const freshness = new Freshness()
    freshness.answered(9_000, { since: 4_000, why: 'Redis does not answer' })
    expect(freshness.staleSince(9_000)).toEqual({ since: 4_000, why: 'Redis does not answer' })
    freshness.answered(11_000)
    expect(freshness.staleSince(11_000)).toBeUndefined()
  })

  test('staleSince - the last answer, when none has come for seven seconds; nobody asked in a hidden page', () => {
    const freshness = new Freshness()
    expect(freshness.staleSince(60_000)).toBeUndefined()
    freshness.answered(60_000)
    expect(freshness.staleSince(67_000)).toBeUndefined()
    expect(freshness.staleSince(67_001)).toMatchObject({ since: 60_000 })
    freshness.paused()
    expect(freshness.staleSince(99_000)).toBeUndefined()
  })
})
