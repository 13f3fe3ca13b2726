import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FleetClock, IDLE_AFTER_MS } from '../../src/operators/index.ts'

const NOW = 1_000_000

/** Reads the log to its end again and again for `ms`, from `from` on; returns when it stopped. */
function pollFor(clock: FleetClock, ms: number, from = NOW): number {
  for (let waited = 0; waited < ms; waited += 500) clock.readToEnd(from + waited)
  clock.readToEnd(from + ms)
  return from + ms
}

/** What is stored of a clock. */
function stored(clock: FleetClock, before: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const { changed, forgotten } = clock.takeWrites()
  const fields = new Map([...before, ...changed])
  for (const field of forgotten) fields.delete(field)
  return fields
}

describe('fleet clock', () => {
  it('O-FLEET-1 follows the slowest source, however late it joins', () => {
    const clock = new FleetClock()
    expect(clock.watermark(10)).toBe(Number.NEGATIVE_INFINITY)
    clock.observe('a', 1_000)
    expect(clock.watermark(10)).toBe(990)
    clock.observe('b', 400)
    expect(clock.watermark(10)).toBe(390)
    clock.observe('b', 300)
    clock.observe('b', 2_000)
    expect(clock.watermark(10)).toBe(990)
  })

  it('O-FLEET-2 does not wait for a source that was silent while the log was read to its end', () => {
    const clock = new FleetClock()
    clock.observe('dead', 100)
    clock.observe('a', 1_000)
    const half = pollFor(clock, IDLE_AFTER_MS / 2)
    clock.observe('a', 2_000)
    expect(clock.watermark(0)).toBe(100)
    const idle = pollFor(clock, IDLE_AFTER_MS / 2, half)
    expect(clock.watermark(0)).toBe(2_000)
    clock.observe('dead', 1_500)
    expect(clock.watermark(0)).toBe(1_500)
    expect(clock.isIdle).toBe(false)
    pollFor(clock, IDLE_AFTER_MS, idle)
    expect(clock.isIdle).toBe(true)
  })

  it('O-FLEET-2 moves on with the time without events once all are idle', () => {
    const clock = new FleetClock()
    clock.observe('a', 1_000)
    clock.observe('b', 4_000)
    pollFor(clock, IDLE_AFTER_MS + 300)
    expect(clock.watermark(50)).toBe(4_300)
  })

  it('O-MARK-6 leaves a time that was ahead of the clock behind, once the clock has passed it', () => {
    const clock = new FleetClock()
    clock.observe('ahead', NOW + 50_000)
    clock.observe('right', NOW)
    const idle = pollFor(clock, 40_000)
    expect(clock.watermark(1_000)).toBe(NOW + 50_000)
    pollFor(clock, 50_000, idle)
    expect(clock.watermark(1_000)).toBe(NOW + 89_000)
  })

  it('O-FLEET-6 a source further behind than maxBehind holds nobody back, and is named', () => {
    const clock = new FleetClock()
    expect(clock.slowest).toBeUndefined()
    clock.observe('stuck', 1_000)
    clock.observe('a', 70_000)
    clock.observe('b', 100_000)
    expect(clock.watermark(10, 99_000)).toBe(990)
    expect(clock.watermark(10, 98_999)).toBe(991)
    expect(clock.watermark(10, 60_000)).toBe(39_990)
    expect(clock.slowest).toEqual({ source: 'stuck', behindMs: 99_000 })
    clock.observe('stuck', 90_000)
    expect(clock.slowest).toEqual({ source: 'a', behindMs: 30_000 })
    pollFor(clock, IDLE_AFTER_MS)
    expect(clock.slowest).toBeUndefined()
  })

  it.each([
    ['while the log held more', (clock: FleetClock) => clock.interrupted(), 500],
    ['over a step of the clock forwards', () => undefined, 3_600_000],
    ['over a step of the clock backwards', () => undefined, -3_600_000],
  ])('O-FLEET-3 does not count time %s', (_, between, step) => {
    const clock = new FleetClock()
    clock.observe('a', 1_000)
    const stopped = pollFor(clock, IDLE_AFTER_MS - 1)
    between(clock)
    clock.readToEnd(stopped + step)
    expect(clock.isIdle).toBe(false)
    clock.readToEnd(stopped + step + 1)
    expect(clock.isIdle).toBe(true)
  })

  it('O-FLEET-4 forgets those furthest behind, and lets nobody back in behind them', () => {
    const clock = new FleetClock([], 100)
    for (let i = 0; i < 100; i++) clock.observe(`s${i}`, 1_000 + i)
    expect(clock.watermark(0)).toBe(1_000)
    clock.observe('new', 5_000)
    expect(clock.openCount).toBe(100)
    expect(clock.watermark(0)).toBe(1_001)
    clock.observe('s0', 10)
    expect(clock.watermark(0)).toBe(1_001)
    expect(clock.openCount).toBe(100)
  })

  it('O-FLEET-1 O-FLEET-5 gives the least of the largest times, also after restarts from what is stored', () => {
    const step = fc.oneof(
      fc.record({ source: fc.constantFrom('', 'a', 'b', 'c'), time: fc.integer({ min: -50, max: 50 }) }),
      fc.constant('restart' as const),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let fields = new Map<string, string>()
        let clock = new FleetClock()
        const largest = new Map<string, number>()
        for (const each of steps) {
          if (each === 'restart') {
            fields = stored(clock, fields)
            expect(clock.dirtyCount).toBe(0)
            clock = new FleetClock([...fields])
          } else {
            clock.observe(each.source, each.time)
            largest.set(each.source, Math.max(each.time, largest.get(each.source) ?? each.time))
          }
          const expected = largest.size === 0 ? Number.NEGATIVE_INFINITY : Math.min(...largest.values())
          expect(clock.watermark(0)).toBe(expected)
        }
      }),
    )
  })

  it('O-FLEET-5 stores what was forgotten', () => {
    const before = new FleetClock([], 2)
    const first = ['a', 'b'].map((source, i) => before.observe(source, 10 + i)) && stored(before)
    before.observe('c', 20)
    const fields = stored(before, first)
    expect(fields).toEqual(
      new Map([
        ['=b', '11'],
        ['=c', '20'],
        ['forgotten', '10'],
      ]),
    )
    const after = new FleetClock([...fields], 2)
    after.observe('a', 1)
    expect(after.watermark(0)).toBe(11)
  })
})
