import { describe, expect, it } from 'vitest'
import { StoreClock } from '../../src/bus/redis/store-clock.ts'

/** A clock that asks one that is `aheadMs` ahead, and gets its answer after `tookMs`, most of it on the way back. */
function simulated() {
  const at = { now: 1_000, aheadMs: 5_000, tookMs: 2, isAway: false }
  const clock = new StoreClock(
    async () => {
      const asked = at.now
      at.now += at.tookMs
      if (at.isAway) throw new Error('away')
      return asked + at.aheadMs
    },
    () => at.now,
  )
  const look = async (tookMs: number) => {
    at.tookMs = tookMs
    await clock.look()
  }
  const error = () => Math.abs(clock.monotonicAt(at.now + at.aheadMs)! - at.now)
  return { at, clock, look, error }
}

describe('store clock', () => {
  it('M-LATENCY-3 is off by at most half of the fastest of the last eight answers', async () => {
    const { look, error } = simulated()
    await look(40)
    expect(error()).toBeLessThanOrEqual(20)
    await look(0.5)
    for (let i = 0; i < 7; i++) await look(60)
    expect(error()).toBeLessThanOrEqual(0.25)
    await look(60)
    expect(error()).toBeGreaterThan(0.25)
    expect(error()).toBeLessThanOrEqual(30)
  })

  it('M-LATENCY-3 says nothing until it is answered, and what was said before while it is not', async () => {
    const { at, clock, look, error } = simulated()
    at.isAway = true
    await look(1)
    expect(clock.monotonicAt(6_000)).toBeUndefined()
    at.isAway = false
    await look(1)
    at.isAway = true
    await look(1)
    expect(error()).toBeLessThanOrEqual(0.5)
  })

  it('M-LATENCY-3 follows a step of the clock at once', async () => {
    const { at, look, error } = simulated()
    await look(0.5)
    at.aheadMs -= 3_600_000
    await look(20)
    expect(error()).toBeLessThanOrEqual(10)
  })
})
