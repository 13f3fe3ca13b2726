import { describe, expect, it } from 'vitest'
import type { WindowSpec } from '../../src/config/contract/model.ts'
import { END_OF_TIME, windowsOf } from '../../src/operators/index.ts'
import { windowSpec } from './window-oracle.ts'
import { WindowRun } from './window-run.ts'

const tumbling = (lateness = 0, more: object = {}) => new WindowRun({ ...windowSpec(lateness), ...more } as WindowSpec)
const hopping = (shape: { sizeMs: number; slideMs: number; offsetMs?: number }, lateness = 0, more: object = {}) =>
  new WindowRun({ ...windowSpec(lateness), type: 'hopping', offsetMs: 0, ...shape, ...more } as WindowSpec)
const session = (gapMs: number, lateness = 0, more: object = {}) =>
  new WindowRun({ ...windowSpec(lateness), type: 'session', gapMs, ...more } as WindowSpec)
const at = (time: number, key = 'a') => ({ key, time, v: 1 })

/** What was emitted since the last call: `timing key [start,end) xcount rRevision`, `!` when final. */
function seen(run: WindowRun): string[] {
  return run.emitted.splice(0).map((emission) => {
    const { kind, key, start, end, revision } = emission
    if (kind === 'withdraw') return `withdraw ${key} [${start},${end}) r${revision}`
    const { timing, value, final } = emission
    return `${timing} ${key} [${start},${end}) x${value.count} r${revision}${final ? '!' : ''}`
  })
}

describe('window assignment', () => {
  it('O-WINDOW-1 puts a time into the tumbling window that holds it, before 1970 as well', () => {
    for (const [time, start] of [
      [3, 3],
      [12, 3],
      [13, 13],
      [2, -7],
      [-7, -7],
      [-8, -17],
    ] as const) {
      expect(windowsOf(time, windowSpec(0))).toEqual([[start, start + 10]])
    }
  })

  it('O-HOP-1 puts a time into every hopping window that holds it, and into none between them', () => {
    const shape = { type: 'hopping', sizeMs: 10, slideMs: 4, offsetMs: 1 } as const
    expect(windowsOf(0, shape)).toEqual([
      [-7, 3],
      [-3, 7],
    ])
    expect(windowsOf(7, shape)).toEqual([
      [1, 11],
      [5, 15],
    ])
    const gaps = { type: 'hopping', sizeMs: 3, slideMs: 10, offsetMs: 0 } as const
    expect([-8, -7, 2, 3].map((time) => windowsOf(time, gaps))).toEqual([[[-10, -7]], [], [[0, 3]], []])
    const run = hopping({ sizeMs: 3, slideMs: 10 })
    expect(run.add(at(1), at(5), at(12))).toEqual(['added', 'none', 'added'])
    const many = hopping({ sizeMs: 200_000, slideMs: 1 })
    many.add(at(0))
    many.advance(2)
    expect(seen(many)).toHaveLength(2)
  })
})

describe('emission', () => {
  it('O-WINDOW-2 puts out each key once when the watermark reaches the end, windows in order of time', () => {
    const run = tumbling(100)
    run.add(at(14), at(4), at(5), at(3, 'b'))
    run.advance(12)
    expect(seen(run)).toEqual([])
    run.advance(25)
    expect(seen(run)).toEqual(['on_time a [3,13) x2 r0', 'on_time b [3,13) x1 r0', 'on_time a [13,23) x1 r0'])
    run.advance(26)
    expect(seen(run)).toEqual([])
  })

  it('O-WINDOW-3 revises a complete window once for the events of one bundle', () => {
    for (const run of [tumbling(100), hopping({ sizeMs: 10, slideMs: 10, offsetMs: 3 }, 100)]) {
      run.add(at(4))
      run.advance(13)
      run.add(at(5), at(6))
      run.add(at(7), at(8, 'b'))
      expect(seen(run)).toEqual([
        'on_time a [3,13) x1 r0',
        'late a [3,13) x3 r1',
        'late a [3,13) x4 r2',
        'late b [3,13) x1 r0',
      ])
    }
  })

  it('O-WINDOW-4 calls an event late only when all its windows are forgotten', () => {
    const run = tumbling(10)
    run.add(at(4))
    run.advance(22)
    expect(run.add(at(5))).toEqual(['added'])
    run.advance(23)
    expect(run.add(at(5))).toEqual(['late'])
    expect(run.stored.size).toBe(0)
    const hops = hopping({ sizeMs: 10, slideMs: 5 })
    hops.advance(12)
    expect(hops.add(at(4), at(7))).toEqual(['late', 'added'])
    hops.advance(15)
    expect(seen(hops)).toEqual(['on_time a [5,15) x1 r0!'])
  })

  it('O-WINDOW-6 keeps the watermark when told an earlier one', () => {
    for (const { window } of [tumbling(), hopping({ sizeMs: 4, slideMs: 2 }), session(5)]) {
      window.advance(50)
      window.advance(40)
      expect(window.watermark).toBe(50)
    }
  })

  it('O-WINDOW-8 says of a pane that nothing can follow, and of no other', () => {
    const run = tumbling(5)
    run.add(at(4))
    run.advance(13)
    run.add(at(5))
    run.advance(14)
    run.add(at(14), at(24))
    run.advance(END_OF_TIME)
    expect(seen(run)).toEqual([
      'on_time a [3,13) x1 r0',
      'late a [3,13) x2 r1',
      'on_time a [13,23) x1 r0!',
      'on_time a [23,33) x1 r0!',
    ])
  })

  it('O-EARLY-1 puts out early what has changed, and every key again when the window closes', () => {
    const run = tumbling(0, { emitEveryMs: 1_000 })
    run.add(at(4), at(4, 'b'))
    run.flush()
    run.add(at(5))
    run.flush()
    run.flush()
    run.advance(13)
    expect(seen(run)).toEqual([
      'early a [3,13) x1 r0',
      'early b [3,13) x1 r0',
      'early a [3,13) x2 r1',
      'on_time a [3,13) x2 r2!',
      'on_time b [3,13) x1 r1!',
    ])
  })

  it('O-DELTA-1 puts out only what came since the last pane where panes are discarding, and nothing when nothing came', () => {
    const more = { accumulation: 'discarding', emitEveryMs: 1_000 }
    for (const run of [tumbling(50, more), hopping({ sizeMs: 10, slideMs: 10, offsetMs: 3 }, 50, more)]) {
      run.add(at(4), at(5), at(4, 'b'))
      run.flush()
      run.add(at(6))
      run.advance(13)
      run.add(at(7))
      expect(seen(run)).toEqual([
        'early a [3,13) x2 r0',
        'early b [3,13) x1 r0',
        'on_time a [3,13) x1 r1',
        'late a [3,13) x1 r2',
      ])
    }
  })
})

describe('limits', () => {
  it('O-LIMIT-1 an event that would need one state too many changes nothing, and others go on', () => {
    for (const limit of [{ maxKeys: 2 }, { maxOpen: 2 }]) {
      for (const run of [tumbling(0, limit), hopping({ sizeMs: 10, slideMs: 10 }, 0, limit), session(10, 0, limit)]) {
        expect(run.add(at(4, 'a'), at(4, 'b'), at(4, 'c'), at(5, 'a'))).toEqual(['added', 'added', 'full', 'added'])
        run.advance(50)
        expect(run.add(at(50, 'c'))).toEqual(['added'])
        expect(seen(run).length).toBe(2)
      }
    }
  })
})

describe('sessions', () => {
  it('O-SESSION-1 an event less than a gap away joins, one exactly a gap later begins another', () => {
    const run = session(10)
    run.add(at(0), at(9), at(19), at(40), at(5, 'b'))
    run.advance(END_OF_TIME)
    expect(seen(run).sort()).toEqual([
      'on_time a [0,19) x2 r0!',
      'on_time a [19,29) x1 r0!',
      'on_time a [40,50) x1 r0!',
      'on_time b [5,15) x1 r0!',
    ])
  })

  it('O-SESSION-2 sessions that become one withdraw their panes just before the pane of the one', () => {
    const run = session(10, 100)
    run.add(at(0), at(15))
    run.advance(30)
    seen(run)
    run.add(at(8))
    expect(seen(run)).toEqual(['withdraw a [0,10) r0', 'withdraw a [15,25) r0', 'late a [0,25) x3 r1'])
  })

  it('O-SESSION-3 a complete session that a late event opens again is put out when it closes again', () => {
    const run = session(10, 100)
    run.add(at(0))
    run.advance(12)
    expect(seen(run)).toEqual(['on_time a [0,10) x1 r0'])
    run.add(at(9))
    expect(seen(run)).toEqual([])
    run.advance(19)
    expect(seen(run)).toEqual(['withdraw a [0,10) r0', 'on_time a [0,19) x2 r1'])
  })

  it('O-SESSION-4 an event whose own window is forgotten still joins a session that is not', () => {
    const run = session(10)
    run.add(at(9), at(18))
    run.advance(13)
    expect(run.add(at(2), at(2, 'b'))).toEqual(['added', 'late'])
    run.advance(END_OF_TIME)
    expect(seen(run)).toEqual(['on_time a [2,28) x3 r0!'])
  })
})
