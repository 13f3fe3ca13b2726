import { type ExpectedPane, totalOf } from './expected-pane.ts'
import type { Reading } from './reading.ts'

interface OracleWindow {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly readings: Reading[]
  revision: number
  isComplete: boolean
  isChanged: boolean
}

const LATENESS_MS = 2_000

/** Tumbling and hopping windows of one partition: every reading is put into every window it belongs to. */
export class WindowOracle {
  readonly #sizeMs: number
  readonly #slideMs: number
  readonly #windows = new Map<string, OracleWindow>()
  #watermark = Number.NEGATIVE_INFINITY

  constructor({ sizeMs, slideMs }: { sizeMs: number; slideMs: number }) {
    this.#sizeMs = sizeMs
    this.#slideMs = slideMs
  }

  /** False when it is too late for all of its windows. */
  add(reading: Reading): boolean {
    const latest = Math.floor(reading.time / this.#slideMs) * this.#slideMs
    let isAdded = false
    for (let start = latest; start + this.#sizeMs > reading.time; start -= this.#slideMs) {
      if (this.#isForgotten(start + this.#sizeMs)) continue
      const window = this.#windowAt(reading.sensor, start)
      window.readings.push(reading)
      window.isChanged = true
      isAdded = true
    }
    return isAdded
  }

  /** The panes that are due once the watermark is there. */
  advance(watermark: number): ExpectedPane[] {
    this.#watermark = watermark
    const due: ExpectedPane[] = []
    for (const [name, window] of this.#windows) {
      const { key, start, end, readings, isComplete } = window
      if (end > watermark) continue
      if (!isComplete || window.isChanged) {
        const pane = { timing: isComplete ? 'late' : 'on_time', value: totalOf(readings) } as const
        due.push({ key, start, end, revision: window.revision++, pane })
      }
      window.isComplete = true
      window.isChanged = false
      if (this.#isForgotten(end)) this.#windows.delete(name)
    }
    return due
  }

  /** One that begins when the watermark has passed its end has no pane that is on time. */
  #windowAt(key: string, start: number): OracleWindow {
    const name = `${key} ${start}`
    let window = this.#windows.get(name)
    if (window === undefined) {
      const end = start + this.#sizeMs
      const isComplete = end <= this.#watermark
      window = { key, start, end, readings: [], revision: 0, isComplete, isChanged: false }
      this.#windows.set(name, window)
    }
    return window
  }

  #isForgotten(end: number): boolean {
    return end + LATENESS_MS <= this.#watermark
  }
}
