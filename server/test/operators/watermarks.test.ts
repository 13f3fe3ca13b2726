import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Watermarks } from '../../src/operators/index.ts'

describe('watermarks', () => {
  it('O-MARK-1 is the least of what the active sources allow, and never goes back', () => {
    const marks = new Watermarks(5)
    expect(marks.advance()).toBe(Number.NEGATIVE_INFINITY)
    marks.observe('a', 100)
    expect(marks.advance()).toBe(95)
    marks.observe('b', 50)
    expect(marks.advance()).toBe(95)
    marks.observe('b', 103)
    marks.observe('a', 200)
    expect(marks.advance()).toBe(98)
  })

  it('O-MARK-2 an idle source holds nobody back until it speaks again', () => {
    const marks = new Watermarks(5)
    marks.observe('a', 100)
    marks.observe('b', 50)
    marks.setIdle('b')
    marks.observe('a', 110)
    expect(marks.advance()).toBe(105)
    marks.observe('b', 60)
    marks.observe('a', 300)
    expect(marks.advance()).toBe(105)
  })

  it('O-MARK-3 with all idle it is the largest time seen, then moves with the clock', () => {
    const marks = new Watermarks(5)
    marks.observe('a', 100)
    marks.observe('b', 90)
    marks.setClock(1_000_000)
    marks.setIdle()
    expect(marks.advance()).toBe(100)
    marks.setClock(1_000_030)
    expect(marks.advance()).toBe(130)
    marks.setClock(900_000)
    expect(marks.advance()).toBe(130)
    marks.observe('a', 101)
    marks.setClock(2_000_000)
    expect(marks.advance()).toBe(130)
  })

  it('O-MARK-6 leaves a time that was ahead of the clock behind, once the clock has passed it', () => {
    const marks = new Watermarks(5)
    marks.setClock(1_000)
    marks.observe('ahead', 1_050)
    marks.setIdle()
    expect(marks.advance()).toBe(1_050)
    marks.setClock(1_055)
    expect(marks.advance()).toBe(1_050)
    marks.setClock(1_090)
    expect(marks.advance()).toBe(1_085)
  })

  it('O-MARK-4 where only promises count, neither events nor the clock move it', () => {
    const marks = new Watermarks(undefined)
    marks.observe('a', 100)
    marks.observe('b', 100)
    marks.setClock(7)
    expect(marks.advance()).toBe(Number.NEGATIVE_INFINITY)
    marks.promise(40, 'a')
    expect(marks.advance()).toBe(Number.NEGATIVE_INFINITY)
    marks.promise(30)
    expect(marks.advance()).toBe(30)
    marks.setIdle('b')
    expect(marks.advance()).toBe(40)
    marks.setIdle('a')
    marks.setClock(1_000)
    expect(marks.advance()).toBe(40)
  })

  it('O-MARK-5 goes on from what is stored', () => {
    const source = fc.constantFrom('a', 'b', 'c')
    const time = fc.integer({ min: -50, max: 50 })
    const act = fc.oneof(
      fc.record({ do: fc.constant('observe' as const), source, time }),
      fc.record({ do: fc.constant('promise' as const), source, time }),
      fc.record({ do: fc.constant('idle' as const), source, time }),
      fc.record({ do: fc.constant('clock' as const), source, time }),
    )
    fc.assert(
      fc.property(fc.array(act), fc.option(fc.nat(20), { nil: undefined }), fc.nat(), (acts, outOfOrderness, cut) => {
        const whole = new Watermarks(outOfOrderness)
        let parts = new Watermarks(outOfOrderness)
        acts.forEach((act, i) => {
          if (i === cut % (acts.length + 1)) {
            parts = new Watermarks(outOfOrderness, JSON.parse(JSON.stringify(parts.store())))
          }
          for (const marks of [whole, parts]) {
            if (act.do === 'observe') marks.observe(act.source, act.time)
            else if (act.do === 'promise') marks.promise(act.time, act.source)
            else if (act.do === 'idle') marks.setIdle(act.source)
            else marks.setClock(act.time)
          }
          const before = whole.value
          expect(parts.advance()).toBe(whole.advance())
          expect(whole.value).toBeGreaterThanOrEqual(before)
        })
      }),
    )
  })
})
