import { expect } from 'vitest'
import type { WindowSpec } from '../../src/config/contract/model.ts'
import {
  createWindow,
  type Emission,
  type EmittedPane,
  type StateField,
  type WindowOperator,
} from '../../src/operators/index.ts'
import type { Timed } from './window-oracle.ts'

const ALL = Number.POSITIVE_INFINITY

/** An operator with what a driver keeps: the stored fields, and what subscribers hold. */
export class WindowRun {
  window: WindowOperator
  readonly spec: WindowSpec
  readonly emitted: Emission[] = []
  /** `key/start/end` -> the panes out and not withdrawn. */
  readonly held = new Map<string, EmittedPane[]>()
  readonly stored = new Map<string, string>()
  #watermark = Number.NEGATIVE_INFINITY

  constructor(spec: WindowSpec) {
    this.spec = spec
    this.window = createWindow(spec)
  }

  /** Events of one bundle; returns what became of each. */
  add(...events: readonly Timed[]): ('added' | 'late' | 'full' | 'none')[] {
    const outcomes = events.map(({ key, time, v }) => this.window.add(key, time, { v }))
    this.commit()
    return outcomes
  }

  advance(watermark: number): void {
    this.#watermark = Math.max(this.#watermark, watermark)
    this.window.advance(this.#watermark)
    this.commit()
  }

  flush(): void {
    this.window.flush()
    this.commit()
  }

  /** Moves the watermark with a restart after every commit, each of at most `limit` panes and as many forgotten fields. */
  advanceInPieces(watermark: number, limit: number): void {
    this.#watermark = Math.max(this.#watermark, watermark)
    this.window.advance(this.#watermark)
    while (this.window.dueCount > 0 || this.window.hasForgettable) {
      this.commit(limit)
      this.restart()
    }
  }

  /** Puts out what is due and stores what changed. */
  commit(limit = ALL): void {
    for (const emission of this.window.take(limit)) this.#receive(emission)
    const { changed, forgotten } = this.window.takeWrites(limit)
    if (this.window.dueCount === 0) expect(this.window.dirtyCount).toBe(0)
    for (const field of forgotten) this.stored.delete(field)
    for (const [field, value] of changed) {
      expect(field).not.toMatch('\n')
      expect(value).not.toMatch('\n')
      this.stored.set(field, value)
    }
  }

  /** Loses the memory and goes on from what is stored. */
  restart(order: (fields: StateField[]) => StateField[] = (fields) => fields): void {
    this.window = createWindow(this.spec, this.#watermark, order([...this.stored]))
  }

  /** What subscribers hold at last: the newest pane, or all of them where panes are deltas. */
  results(): Map<string, object> {
    const results = [...this.held].map(([window, panes]) => [window, this.#fold(panes)] as const)
    return new Map(results)
  }

  #fold(panes: readonly EmittedPane[]): object {
    if (this.spec.accumulation === 'accumulating') return panes.at(-1)!.value
    const values = panes.map(({ value }) => value as { count: number; sum: number; min: number; max: number })
    return {
      count: values.reduce((sum, { count }) => sum + count, 0),
      sum: values.reduce((total, { sum }) => total + sum, 0),
      min: Math.min(...values.map(({ min }) => min)),
      max: Math.max(...values.map(({ max }) => max)),
    }
  }

  #receive(emission: Emission): void {
    this.emitted.push(emission)
    const window = `${emission.key}/${emission.start}/${emission.end}`
    if (emission.kind === 'withdraw') {
      expect(this.held.get(window)?.at(-1)?.revision).toBe(emission.revision)
      this.held.delete(window)
      return
    }
    const before = this.held.get(window) ?? []
    expect(emission.revision).toBeGreaterThan(before.at(-1)?.revision ?? -1)
    expect(before.at(-1)?.final ?? false).toBe(false)
    const isComplete = emission.end <= this.window.watermark
    expect(emission.timing === 'early').toBe(!isComplete)
    expect(emission.final).toBe(emission.end + this.spec.allowedLatenessMs <= this.window.watermark)
    if (emission.timing === 'on_time') expect(before.every(({ timing }) => timing === 'early')).toBe(true)
    this.held.set(window, [...before, emission])
  }
}
