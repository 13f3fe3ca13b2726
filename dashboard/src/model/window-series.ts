import type { Pane } from './pane.ts'

/** Lines one chart can tell apart. */
export const MAX_LINES = 30
/** Windows kept per line: 50 minutes of a 10 s window, and wider than most screens have pixels for. */
export const MAX_POINTS = 300
/** Keys beyond the lines are counted, up to here: a set of them must not grow without bound. */
const MAX_COUNTED_KEYS = 10_000

export interface Line {
  readonly key: string
  /** Place among the lines, from 0. Kept for as long as the line lives, so that its colour stays. */
  readonly slot: number
}

/**
 * Points of every line on one time axis; `null` where a line has no result. Where no line has one, a window without
 * results stands for the whole hole, so that no line is drawn across it.
 */
export interface Columns {
  readonly starts: readonly number[]
  /** One array per line, in the order of `lines`. */
  readonly values: readonly (readonly (number | null)[])[]
}

interface StoredLine extends Line {
  /** By window start. */
  readonly panes: Map<number, Pane>
}

/** The recent results of one window topic, bounded in lines and in points per line. */
export class WindowSeries {
  readonly #stepMs: number
  readonly #spanMs: number
  readonly #lines = new Map<string, StoredLine>()
  readonly #otherKeys = new Set<string>()
  #newestStart = Number.NEGATIVE_INFINITY
  #version = 0

  constructor(stepMs: number) {
    this.#stepMs = stepMs
    this.#spanMs = stepMs * MAX_POINTS
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  /** In the order of their keys. */
  get lines(): readonly Line[] {
    return [...this.#lines.values()].sort((a, b) => compareKeys(a.key, b.key))
  }

  /** Keys with results that have no line, because there were `MAX_LINES` before them. */
  get otherKeys(): { readonly count: number; readonly orMore: boolean } {
    return { count: this.#otherKeys.size, orMore: this.#otherKeys.size === MAX_COUNTED_KEYS }
  }

  /** Takes a result; a later revision of the same window and key replaces the earlier one. */
  add(pane: Pane): void {
    if (pane.start <= this.#newestStart - this.#spanMs) return
    if (pane.start > this.#newestStart) {
      this.#newestStart = pane.start
      this.#forgetOld()
    }
    const line = this.#lines.get(pane.key) ?? this.#open(pane.key)
    if (line === undefined) return
    const known = line.panes.get(pane.start)
    if (known !== undefined && known.revision > pane.revision) return
    line.panes.set(pane.start, pane)
    this.#version++
  }

  columns(field: string): Columns {
    const lines = this.lines.map(({ key }) => this.#lines.get(key)!.panes)
    const known = [...new Set(lines.flatMap((panes) => [...panes.keys()]))].sort((a, b) => a - b)
    const starts = known.flatMap((start, index) => {
      const next = start + this.#stepMs
      return (known[index + 1] ?? next) > next ? [start, next] : [start]
    })
    return { starts, values: lines.map((panes) => starts.map((start) => panes.get(start)?.value[field] ?? null)) }
  }

  #open(key: string): StoredLine | undefined {
    if (this.#lines.size === MAX_LINES) {
      if (this.#otherKeys.size < MAX_COUNTED_KEYS && !this.#otherKeys.has(key)) {
        this.#otherKeys.add(key)
        this.#version++
      }
      return undefined
    }
    this.#otherKeys.delete(key)
    const line = { key, slot: this.#freeSlot(), panes: new Map<number, Pane>() }
    this.#lines.set(key, line)
    return line
  }

  #freeSlot(): number {
    const taken = new Set([...this.#lines.values()].map(({ slot }) => slot))
    let slot = 0
    while (taken.has(slot)) slot++
    return slot
  }

  /** A line without recent points gives its place to a key that has some. */
  #forgetOld(): void {
    for (const [key, { panes }] of this.#lines) {
      for (const start of panes.keys()) if (start <= this.#newestStart - this.#spanMs) panes.delete(start)
      if (panes.size === 0) this.#lines.delete(key)
    }
  }
}

const collator = new Intl.Collator('en', { numeric: true })

/** Numbers in keys count by their value: `s-2` before `s-10`. */
export function compareKeys(a: string, b: string): number {
  return collator.compare(a, b)
}
