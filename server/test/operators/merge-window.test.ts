import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AggregateSet, IDLE_AFTER_MS, MergeWindow, TumblingWindow } from '../../src/operators/index.ts'
import { recompute, type Timed, timed, windowSpec } from './window-oracle.ts'

const FOREVER = 1_000_000
const active = (watermark: number) => ({ watermark, idle: false, partials: [] })
const idle = (watermark: number | null) => ({ watermark, idle: true, partials: [] })
const aggregates = new AggregateSet(windowSpec(0).aggregate)
/** An encoded partial over some values. */
function partial(...values: readonly number[]): string {
  const state = aggregates.create()
  for (const v of values) aggregates.add(state, { v }, 0)
  return aggregates.encode(state)
}

function results(window: MergeWindow) {
  return window.take(FOREVER).map(({ start, revision, value }) => ({ start, revision, ...value }))
}

describe('merge window', () => {
  it('O-MERGE-1 replaces what a source reported before', () => {
    const window = new MergeWindow(windowSpec(100), 2)
    const report = { watermark: 3, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(5) }] }
    window.apply(0, report)
    window.apply(0, report)
    window.apply(1, { watermark: 13, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(7) }] })
    window.apply(0, { watermark: 13, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(1, 5) }] })
    window.advance()
    expect(results(window)).toEqual([{ start: 3, revision: 0, count: 3, sum: 13, min: 1, max: 7 }])
  })

  it('O-MERGE-2 waits for every source to report, then for the slowest active one', () => {
    const window = new MergeWindow(windowSpec(100), 3)
    const watermarkAfter = (source: number, report: ReturnType<typeof active | typeof idle>) => {
      window.apply(source, report)
      window.advance()
      return window.watermark
    }
    expect(watermarkAfter(0, active(30))).toBe(Number.NEGATIVE_INFINITY)
    expect(watermarkAfter(1, active(20))).toBe(Number.NEGATIVE_INFINITY)
    expect(watermarkAfter(2, idle(null))).toBe(20)
    expect(watermarkAfter(1, active(40))).toBe(30)
    expect(watermarkAfter(2, active(10))).toBe(30)
  })

  it('O-MERGE-3 moves on with the time without reports once every source is idle', () => {
    const window = new MergeWindow(windowSpec(100), 2)
    window.apply(0, idle(30))
    window.apply(1, active(20))
    for (let now = 0; now <= 3 * IDLE_AFTER_MS; now += IDLE_AFTER_MS) window.polledEmpty(now)
    window.advance()
    expect(window.watermark).toBe(20)
    window.apply(1, idle(20))
    window.advance()
    expect(window.watermark).toBe(30)
    window.polledEmpty(100_000)
    window.polledEmpty(100_000 + IDLE_AFTER_MS)
    window.polledEmpty(100_000 + IDLE_AFTER_MS + 7)
    window.advance()
    expect(window.watermark).toBe(37)
    window.interrupted()
    window.polledEmpty(200_000)
    window.advance()
    expect(window.watermark).toBe(37)
  })

  it('O-MARK-6 O-MERGE-3 leaves a time that was ahead of the clock behind, once the clock has passed it', () => {
    const window = new MergeWindow({ ...windowSpec(100), outOfOrdernessMs: 1_000 }, 2)
    window.apply(0, idle(1_050_000))
    window.apply(1, idle(1_000_000))
    for (let now = 1_000_000; now <= 1_090_000; now += 1_000) {
      window.polledEmpty(now)
      window.advance()
      expect(window.watermark).toBe(Math.max(1_050_000, now - 1_000))
    }
  })

  it('O-MERGE-7 distrusted, closes without an idle source only when it is known to have no input', () => {
    const window = new MergeWindow(windowSpec(100), 3)
    window.distrustIdle()
    for (const source of [0, 1]) window.apply(source, active(10))
    expect(window.idleInTheWay()).toEqual([])
    window.apply(2, idle(10))
    window.advance()
    expect(window.watermark).toBe(10)
    for (const source of [0, 1]) window.apply(source, active(90))
    window.advance()
    expect(window.watermark).toBe(10)
    expect(window.idleInTheWay()).toEqual([2])
    window.advanceTrusting(new Set([0]))
    expect(window.watermark).toBe(10)
    window.advanceTrusting(new Set([2]))
    expect(window.watermark).toBe(90)
    expect(window.idleInTheWay()).toEqual([])
    window.apply(2, active(60))
    for (const source of [0, 1]) window.apply(source, active(200))
    window.advance()
    expect(window.watermark).toBe(90)
  })

  it('O-MERGE-4 revises complete windows, and counts what comes for forgotten ones', () => {
    const window = new MergeWindow(windowSpec(10), 1)
    window.apply(0, { watermark: 13, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(1) }] })
    window.advance()
    expect(results(window)).toMatchObject([{ start: 3, revision: 0, sum: 1 }])
    expect(
      window.apply(0, { watermark: 13, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(1, 3) }] }),
    ).toBe(0)
    expect(results(window)).toMatchObject([{ start: 3, revision: 1, sum: 4 }])
    window.apply(0, active(23))
    window.advance()
    expect(window.hasForgettable).toBe(true)
    expect(window.takeForgotten(9).map(({ start }) => start)).toEqual([3])
    expect(
      window.apply(0, { watermark: 23, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(9) }] }),
    ).toBe(1)
    expect(window.openCount).toBe(0)
  })

  it('O-MERGE-6 puts out early panes of what changed, and every group again when its window closes', () => {
    const window = new MergeWindow(windowSpec(10), 1)
    const part = (key: string, ...values: readonly number[]) => ({ start: 3, key, accumulator: partial(...values) })
    window.apply(0, { watermark: 5, idle: false, partials: [part('a', 1), part('b', 2)] })
    const take = () =>
      window.take(FOREVER).map(({ key, timing, revision, value }) => [key, timing, revision, value.sum])
    expect(take()).toEqual([])
    window.flush()
    expect(take()).toEqual([
      ['a', 'early', 0, 1],
      ['b', 'early', 0, 2],
    ])
    window.flush()
    expect(take()).toEqual([])
    window.apply(0, { watermark: 13, idle: false, partials: [part('a', 1, 3)] })
    window.advance()
    expect(take()).toEqual([
      ['a', 'on_time', 1, 4],
      ['b', 'on_time', 1, 2],
    ])
    window.apply(0, { watermark: 13, idle: false, partials: [part('b', 5)] })
    expect(take()).toEqual([['b', 'late', 2, 5]])
  })

  it('O-MERGE-5 continues from what is stored', () => {
    const spec = windowSpec(100)
    const before = new MergeWindow(spec, 2)
    before.apply(0, { watermark: 15, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(1) }] })
    before.apply(1, { watermark: 14, idle: false, partials: [{ start: 3, key: '*', accumulator: partial(2) }] })
    before.advance()
    expect(before.dueCount).toBe(1)
    const stored = before.takeDirty().map(({ state }) => ({ ...state, parts: new Map(state.parts) }))
    const after = new MergeWindow(spec, 2, { watermark: before.watermark, sources: before.sources }, stored)
    expect(results(after)).toMatchObject([{ start: 3, revision: 0, sum: 3 }])
    after.apply(0, active(30))
    after.advance()
    expect(after.watermark).toBe(14)
  })

  it('O-WINDOW-5 O-MERGE-1 two stages give the results of one, however the events are spread and reports repeated', () => {
    const sources = 3
    const spread = fc.array(fc.record({ source: fc.nat(sources - 1), event: timed, repeat: fc.boolean() }), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(spread, (arrivals) => {
        const spec = windowSpec(FOREVER)
        const firsts = Array.from({ length: sources }, () => new TumblingWindow(spec))
        const merge = new MergeWindow(spec, sources)
        const last = new Map<number, object>()
        const report = (source: number, times = 1) => {
          const first = firsts[source]!
          const partials = first
            .takePartials(FOREVER)
            .map(({ start, key, accumulator }) => ({ start, key, accumulator: first.aggregates.encode(accumulator) }))
          for (let i = 0; i < times; i++) merge.apply(source, { watermark: first.watermark, idle: false, partials })
          merge.advance()
          for (const { start, revision: _, ...value } of results(merge)) last.set(start, value)
        }
        for (const { source, event, repeat } of arrivals) {
          const first = firsts[source]!
          first.add('*', event.time, { v: event.v })
          first.advance(event.time - 5)
          report(source, repeat ? 2 : 1)
        }
        firsts.forEach((first, source) => {
          first.advance(100)
          report(source)
        })
        const expected = recompute(
          arrivals.map(({ event }): Timed => event),
          () => '*',
        )
        expect(new Map([...last].map(([start, value]) => [`${start}/*`, value]))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })
})
