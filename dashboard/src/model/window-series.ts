import type { Pane } from './pane.ts'

/** Results that are kept of a window, of all keys together: the more keys, the less of their past. */
export const MAX_PANES = 30_000
/** So many are kept when there were more, so that making room is rare. */
const KEPT_PANES = 0.9 * MAX_PANES
/** Windows kept per key: 50 minutes of a 10 s window, and wider than most screens have pixels for. */
export const MAX_POINTS = 300
/** Keys whose results are kept. Of one more nothing is kept until one of these has fallen silent. */
export const MAX_KEYS = 10_000
/** A key without results in so many of the newest windows is silent. Fewer would say so of keys whose results are under way. */
const SILENT_AFTER = 3

/**
 * Points of some keys on one time axis; `null` where a key has no result. Where no key has one, a window without
 * results stands for the whole hole, so that no line is drawn across it.
 */
export interface Columns {
  readonly starts: readonly number[]
  /** One array per key, in the order they were asked for. */
  readonly values: readonly (readonly (number | null)[])[]
}

export interface Choice {
  /** The field by whose latest value keys are ranked. */
  readonly field: string
  /** Keys at most. */
  readonly count: number
  /** Part of the keys' names; '' for all. */
  readonly search: string
}

/** The recent results of one window topic, bounded in keys and in results of all of them. */
export class WindowSeries {
  readonly #stepMs: number
  /** Key -> window start -> result. */
  readonly #keys = new Map<string, Map<number, Pane>>()
  /** In the order in which they came. */
  readonly #latest = new Map<string, Pane>()
  /** Window start -> results that are kept of it. */
  readonly #counts = new Map<number, number>()
  #total = 0
  #newestStart = Number.NEGATIVE_INFINITY
  /** Windows that begin here or before are forgotten, and do not come back. */
  #forgottenTo = Number.NEGATIVE_INFINITY
  #version = 0
  #isFull = false

  constructor(stepMs: number) {
    this.#stepMs = stepMs
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  get keyCount(): { readonly count: number; readonly orMore: boolean } {
    return { count: this.#keys.size, orMore: this.#isFull }
  }

  /** Takes a result; a later revision of the same window and key replaces the earlier one. */
  add(pane: Pane): void {
    const { key, start } = pane
    if (start <= this.#forgottenTo) return
    if (start > this.#newestStart) {
      this.#newestStart = start
      this.#forget(start - this.#stepMs * MAX_POINTS)
    }
    const panes = this.#keys.get(key) ?? this.#open(key)
    if (panes === undefined) return
    const known = panes.get(start)
    if (known !== undefined && known.revision > pane.revision) return
    panes.set(start, pane)
    const latest = this.#latest.get(key)
    if (latest === undefined || latest.start <= start) {
      this.#latest.delete(key)
      this.#latest.set(key, pane)
    }
    this.#version++
    if (known !== undefined) return
    this.#counts.set(start, (this.#counts.get(start) ?? 0) + 1)
    this.#total++
    if (this.#total > MAX_PANES) this.#makeRoom()
  }

  latest(key: string): Pane | undefined {
    return this.#latest.get(key)
  }

  /** The keys to draw, in the order of their names: those with the largest latest values where there are more than asked for. */
  choose({ field, count, search }: Choice): readonly string[] {
    const wanted = search.toLowerCase()
    const found = [...this.#keys.keys()].filter((key) => wanted === '' || key.toLowerCase().includes(wanted))
    if (found.length > count) {
      const latestOf = (key: string) => this.#latest.get(key)?.value[field] ?? Number.NEGATIVE_INFINITY
      found.sort((a, b) => latestOf(b) - latestOf(a))
      found.length = count
    }
    return found.sort(compareKeys)
  }

  columns(field: string, keys: readonly string[]): Columns {
    const lines = keys.map((key) => this.#keys.get(key) ?? NO_PANES)
    const known = [...new Set(lines.flatMap((panes) => [...panes.keys()]))].sort((a, b) => a - b)
    const starts = known.flatMap((start, index) => {
      const next = start + this.#stepMs
      return (known[index + 1] ?? next) > next ? [start, next] : [start]
    })
    return { starts, values: lines.map((panes) => starts.map((start) => panes.get(start)?.value[field] ?? null)) }
  }

  #open(key: string): Map<number, Pane> | undefined {
    if (this.#keys.size === MAX_KEYS) this.#dropSilent()
    this.#isFull = this.#keys.size === MAX_KEYS
    if (this.#isFull) return undefined
    const panes = new Map<number, Pane>()
    this.#keys.set(key, panes)
    return panes
  }

  /** Of the keys that have fallen silent, the one that did so first. */
  #dropSilent(): void {
    const [key, { start }] = this.#latest.entries().next().value!
    if (start >= this.#newestStart - SILENT_AFTER * this.#stepMs) return
    for (const each of this.#keys.get(key)!.keys()) this.#uncount(each)
    this.#keys.delete(key)
    this.#latest.delete(key)
  }

  #uncount(start: number): void {
    this.#total--
    const left = this.#counts.get(start)! - 1
    if (left === 0) this.#counts.delete(start)
    else this.#counts.set(start, left)
  }

  #makeRoom(): void {
    let left = this.#total
    for (const [start, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      left -= count
      if (left <= KEPT_PANES) return this.#forget(start)
    }
  }

  /** A key whose results are all forgotten gives its place to another one. */
  #forget(to: number): void {
    this.#forgottenTo = Math.max(this.#forgottenTo, to)
    const starts = [...this.#counts.keys()].filter((start) => start <= to)
    if (starts.length === 0) return
    for (const start of starts) {
      this.#total -= this.#counts.get(start)!
      this.#counts.delete(start)
    }
    for (const [key, panes] of this.#keys) {
      for (const start of starts) panes.delete(start)
      if (panes.size > 0) continue
      this.#keys.delete(key)
      this.#latest.delete(key)
    }
  }
}

const NO_PANES: ReadonlyMap<number, Pane> = new Map()

const collator = new Intl.Collator('en', { numeric: true })

/** Numbers in keys count by their value: `s-2` before `s-10`. */
export function compareKeys(a: string, b: string): number {
  return collator.compare(a, b)
}
