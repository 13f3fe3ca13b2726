import { describe, expect, it } from 'vitest'
import { IDLE_AFTER_MS, SourceClock } from '../../src/operators/index.ts'

const NOW = 1_000_000
const STEP = IDLE_AFTER_MS / 2

/** A clock that has seen an event of time 100 and was then polled in vain for `ms`. */
function idleFor(ms: number): SourceClock {
  const clock = new SourceClock()
  clock.observe(100)
  for (let waited = 0; waited < ms; waited += STEP) clock.polledEmpty(NOW + waited)
  clock.polledEmpty(NOW + ms)
  return clock
}

describe('source clock', () => {
  it('O-CLOCK-1 trails the largest time seen by the out-of-orderness', () => {
    const clock = new SourceClock()
    for (const time of [50, 100, 70]) clock.observe(time)
    expect(clock.watermark(30)).toBe(70)
    expect(clock.maxTime).toBe(100)
    expect(new SourceClock().watermark(30)).toBe(Number.NEGATIVE_INFINITY)
  })

  it('O-CLOCK-2 is idle after a while without input, and then moves on with the time idle', () => {
    expect(idleFor(IDLE_AFTER_MS - 1).isIdle).toBe(false)
    expect(idleFor(IDLE_AFTER_MS - 1).watermark(30)).toBe(70)
    expect(idleFor(IDLE_AFTER_MS).isIdle).toBe(true)
    expect(idleFor(IDLE_AFTER_MS).watermark(30)).toBe(100)
    expect(idleFor(IDLE_AFTER_MS + 5_000).watermark(30)).toBe(5_100)
  })

  it('O-MARK-6 leaves a time that was ahead of the clock behind, once the clock has passed it', () => {
    const clock = new SourceClock()
    clock.observe(NOW + 50_000)
    const watermarkAfter = (ms: number) => {
      for (let waited = 0; waited <= ms; waited += STEP) clock.polledEmpty(NOW + waited)
      return clock.watermark(1_000)
    }
    expect(watermarkAfter(IDLE_AFTER_MS)).toBe(NOW + 50_000)
    expect(watermarkAfter(51_000)).toBe(NOW + 50_000)
    expect(watermarkAfter(90_000)).toBe(NOW + 89_000)
  })

  it('O-CLOCK-2 is active again with the next event', () => {
    const clock = idleFor(IDLE_AFTER_MS)
    clock.observe(110)
    expect(clock.isIdle).toBe(false)
    expect(clock.watermark(30)).toBe(80)
  })

  it('O-CLOCK-3 does not count time in which polls failed', () => {
    const clock = idleFor(IDLE_AFTER_MS + 5_000)
    clock.interrupted()
    clock.polledEmpty(NOW + IDLE_AFTER_MS + 6_000)
    expect(clock.isIdle).toBe(false)
  })

  it.each([
    ['forwards', 3_600_000],
    ['backwards', -3_600_000],
  ])('O-CLOCK-3 does not count a step of the clock %s', (_, step) => {
    const clock = idleFor(IDLE_AFTER_MS)
    clock.polledEmpty(NOW + IDLE_AFTER_MS + step)
    expect(clock.isIdle).toBe(false)
  })
})
