import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyedWindow, type WindowState } from '../../src/operators/index.ts'
import { recompute, type Timed, timed, windowSpec } from './window-oracle.ts'

const FOREVER = 1_000_000

/** What a driver stores, and the last result it emitted per window and key. */
class Driver {
  window: KeyedWindow
  readonly results = new Map<string, { revision: number; value: object }>()
  readonly order: string[] = []
  readonly #stored = new Map<string, Pick<WindowState, 'key' | 'start' | 'accumulator' | 'revision' | 'changed'>>()
  #storedWatermark = Number.NEGATIVE_INFINITY

  constructor(allowedLateness: number) {
    this.window = new KeyedWindow(windowSpec(allowedLateness))
  }

  add({ key, time, v }: Timed): 'added' | 'late' {
    return this.window.add(key, time, { v })
  }

  /** Emits up to `limit` results and stores what changed. */
  commit(limit = FOREVER): void {
    for (const state of this.window.takeDue(limit)) {
      const name = `${state.start}/${state.key}`
      expect(state.revision - 1).toBe((this.results.get(name)?.revision ?? -1) + 1)
      this.results.set(name, {
        revision: state.revision - 1,
        value: this.window.aggregates.result(state.accumulator),
      })
      this.order.push(name)
    }
    for (const { start, key } of this.window.takeForgotten(limit)) this.#stored.delete(`${start}/${key}`)
    for (const { key, start, accumulator, revision, changed } of this.window.takeDirty()) {
      this.#stored.set(`${start}/${key}`, {
        key,
        start,
        accumulator: { slots: [...accumulator.slots] },
        revision,
        changed,
      })
    }
    this.#storedWatermark = this.window.watermark
  }

  /** Loses the memory and loads what is stored. */
  restart(): void {
    const stored = [...this.#stored.values()].map((state) => ({
      ...state,
      accumulator: { slots: [...state.accumulator.slots] },
    }))
    this.window = new KeyedWindow(this.window.spec, this.#storedWatermark, stored)
  }

  get storedCount(): number {
    return this.#stored.size
  }

  values(): Map<string, object> {
    return new Map([...this.results].map(([name, { value }]) => [name, value]))
  }
}

describe('keyed window', () => {
  it('O-WINDOW-1 puts an event into the window that holds its time, before 1970 as well', () => {
    for (const [time, start] of [
      [3, 3],
      [12, 3],
      [13, 13],
      [2, -7],
      [-7, -7],
      [-8, -17],
    ] as const) {
      const driver = new Driver(0)
      driver.add({ key: 'a', time, v: 1 })
      driver.window.advance(FOREVER)
      driver.commit()
      expect(driver.order).toEqual([`${start}/a`])
    }
  })

  it('O-WINDOW-2 is due once per key when the watermark reaches its end, in order of time', () => {
    const driver = new Driver(100)
    for (const time of [14, 4, 5]) driver.add({ key: 'a', time, v: 1 })
    driver.add({ key: 'b', time: 3, v: 1 })
    driver.window.advance(12)
    expect(driver.window.dueCount).toBe(0)
    driver.window.advance(23)
    driver.commit()
    driver.window.advance(24)
    driver.commit()
    expect(driver.order).toEqual(['3/a', '3/b', '13/a'])
    expect(driver.results.get('3/a')).toMatchObject({ revision: 0, value: { count: 2 } })
  })

  it('O-WINDOW-3 is revised once for the late events of one commit', () => {
    const driver = new Driver(100)
    driver.add({ key: 'a', time: 4, v: 1 })
    driver.window.advance(13)
    driver.commit()
    expect(driver.add({ key: 'a', time: 5, v: 2 })).toBe('added')
    expect(driver.add({ key: 'a', time: 6, v: 3 })).toBe('added')
    driver.commit()
    expect(driver.order).toEqual(['3/a', '3/a'])
    expect(driver.results.get('3/a')).toMatchObject({ revision: 1, value: { count: 3, sum: 6 } })
  })

  it('O-WINDOW-4 calls an event late only when its window is forgotten', () => {
    const driver = new Driver(20)
    driver.window.advance(32)
    expect(driver.add({ key: 'a', time: 4, v: 1 })).toBe('added')
    driver.window.advance(33)
    expect(driver.add({ key: 'a', time: 4, v: 1 })).toBe('late')
    expect(driver.add({ key: 'a', time: 13, v: 1 })).toBe('added')
    driver.commit()
    expect(driver.results.get('3/a')).toMatchObject({ value: { count: 1 } })
    expect(driver.storedCount).toBe(1)
  })

  it('O-WINDOW-4 keeps nothing of forgotten windows', () => {
    const driver = new Driver(0)
    for (const key of ['a', 'b', 'c']) driver.add({ key, time: 4, v: 1 })
    driver.commit()
    driver.window.advance(13)
    while (driver.window.dueCount > 0 || driver.window.hasForgettable) driver.commit(2)
    expect([driver.storedCount, driver.window.openCount, driver.results.size]).toEqual([0, 0, 3])
  })

  it('O-WINDOW-6 keeps the watermark when told an earlier one', () => {
    const { window } = new Driver(0)
    window.advance(13)
    window.advance(5)
    expect(window.watermark).toBe(13)
  })

  it('O-WINDOW-5 ends with the same results for every order, bundling and restart', () => {
    type Step =
      | { kind: 'event'; event: Timed }
      | { kind: 'advance'; by: number }
      | { kind: 'commit'; limit: number }
      | { kind: 'restart' }
    const steps = fc.tuple(
      fc.array(timed, { maxLength: 40 }),
      fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 30 }) }),
          fc.record({ kind: fc.constant('commit' as const), limit: fc.integer({ min: 1, max: 4 }) }),
          fc.constant({ kind: 'restart' as const }),
        ),
        { maxLength: 30 },
      ),
    )
    const shuffled = steps.chain(([events, others]) => {
      const all: Step[] = [...events.map((event): Step => ({ kind: 'event', event })), ...others]
      return fc.tuple(fc.constant(events), fc.shuffledSubarray(all, { minLength: all.length }))
    })
    fc.assert(
      fc.property(shuffled, ([events, all]) => {
        const driver = new Driver(FOREVER)
        let uncommitted: Timed[] = []
        for (const step of all) {
          if (step.kind === 'event') {
            expect(driver.add(step.event)).toBe('added')
            uncommitted.push(step.event)
          } else if (step.kind === 'advance') {
            driver.window.advance(Math.max(-50, driver.window.watermark) + step.by)
          } else if (step.kind === 'commit') {
            driver.commit(step.limit)
            uncommitted = []
          } else {
            driver.restart()
            for (const event of uncommitted) driver.add(event)
          }
        }
        driver.window.advance(100)
        while (driver.window.dueCount > 0) driver.commit(3)
        expect(driver.values()).toEqual(recompute(events, ({ key }) => key))
      }),
      { numRuns: 500 },
    )
  })
})
