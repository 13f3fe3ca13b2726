import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff } from '../../src/supervisor/backoff.ts'

const longest = () => 0
const SOON_MS = 100
const HEALTHY_MS = 30_000

describe('backoff', () => {
  test('S-CHILD-2 next - doubles from 0.2 s to 10 s while ends come soon', () => {
    const backoff = new Backoff(longest)
    const waits = Array.from({ length: 8 }, () => backoff.next(SOON_MS))
    expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  })

  test('S-CHILD-2 next - starts over after 30 s of life', () => {
    const backoff = new Backoff(longest)
    const waits = [SOON_MS, SOON_MS, HEALTHY_MS - 1, HEALTHY_MS, SOON_MS].map((livedMs) => backoff.next(livedMs))
    expect(waits).toEqual([200, 400, 800, 200, 200])
  })

  test('S-CHILD-2 next - takes off less than half at random', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const wait = new Backoff(() => random).next(SOON_MS)
        expect(wait).toBeGreaterThanOrEqual(100)
        expect(wait).toBeLessThanOrEqual(200)
      }),
    )
  })
})
