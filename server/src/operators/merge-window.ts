import type { WindowSpec } from '../config/model.ts'
import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import { IDLE_AFTER_MS } from './source-clock.ts'

/** What one source partition reports of its part of a window over all keys. Absolute: it replaces what was reported before. */
export interface PartialResult {
  readonly start: number
  readonly accumulator: Accumulator
}

/** One report of a source partition. */
export interface SourceReport {
  /** The source's watermark, ms. */
  readonly watermark: number
  /** The source has no input and must not hold the others back. */
  readonly idle: boolean
  readonly partials: readonly PartialResult[]
}

/** The merged state of one window: the latest partial of each source. */
export interface MergeState {
  readonly start: number
  readonly parts: Map<number, Accumulator>
  revision: number
  changed: boolean
  due: boolean
  /** Sources whose partial differs from what is stored. */
  readonly dirtyParts: Set<number>
  dirty: boolean
}

export interface StoredSource {
  readonly watermark: number
  readonly idle: boolean
}

/**
 * Second stage of a window over all keys: merges what the source partitions report. A report replaces the source's
 * earlier one, so reading a report twice changes nothing. Complete when the watermarks of all active sources have
 * passed the end; with every source idle the latest of them moves on with the time spent waiting.
 */
export class MergeWindow {
  readonly spec: WindowSpec
  readonly aggregates: AggregateSet
  readonly #states = new Map<number, MergeState>()
  readonly #sources = new Map<number, StoredSource>()
  readonly #due = new Set<MergeState>()
  readonly #dirty = new Set<MergeState>()
  #watermark = Number.NEGATIVE_INFINITY
  #allIdleSince: number | undefined

  constructor(spec: WindowSpec) {
    this.spec = spec
    this.aggregates = new AggregateSet(spec.aggregate)
  }

  get watermark(): number {
    return this.#watermark
  }

  get sources(): ReadonlyMap<number, StoredSource> {
    return this.#sources
  }

  get dueCount(): number {
    return this.#due.size
  }

  get dirtyCount(): number {
    return this.#dirty.size
  }

  /** Whether anything waits for the watermark. */
  get hasOpen(): boolean {
    for (const state of this.#states.values()) if (!this.#isComplete(state)) return true
    return false
  }

  apply(source: number, report: SourceReport): void {
    this.#sources.set(source, { watermark: report.watermark, idle: report.idle })
    this.#allIdleSince = undefined
    for (const { start, accumulator } of report.partials) {
      if (this.#isForgotten(start)) continue
      const state = this.#open(start)
      state.parts.set(source, accumulator)
      state.dirtyParts.add(source)
      state.changed = true
      this.#touch(state)
      if (this.#isComplete(state)) this.#makeDue(state)
    }
  }

  /** Moves the watermark to what the sources allow at `now`, never back. */
  advance(now: number): void {
    const active = [...this.#sources.values()].filter((source) => !source.idle)
    const all = [...this.#sources.values()].map((source) => source.watermark)
    if (active.length > 0) this.#advanceTo(Math.min(...active.map((source) => source.watermark)))
    else if (all.length > 0) {
      this.#allIdleSince ??= now
      this.#advanceTo(Math.max(...all) + Math.max(0, now - this.#allIdleSince - IDLE_AFTER_MS))
    }
  }

  /** Takes up to `limit` due windows, each counted as emitted once more. */
  takeDue(limit: number): MergeState[] {
    const taken: MergeState[] = []
    for (const state of this.#due) {
      if (taken.length >= limit) break
      this.#due.delete(state)
      state.due = false
      state.changed = false
      state.revision++
      this.#touch(state)
      taken.push(state)
    }
    return taken
  }

  /** Takes the windows that nothing can change any more. */
  takeForgotten(): MergeState[] {
    const taken = [...this.#states.values()].filter((state) => this.#isForgotten(state.start) && !state.due)
    for (const state of taken) {
      this.#states.delete(state.start)
      this.#dirty.delete(state)
    }
    return taken
  }

  takeDirty(): MergeState[] {
    const taken = [...this.#dirty]
    for (const state of taken) state.dirty = false
    this.#dirty.clear()
    return taken
  }

  merged(state: MergeState): Accumulator {
    const total = this.aggregates.create()
    for (const part of state.parts.values()) this.aggregates.merge(total, part)
    return total
  }

  restoreClock(watermark: number, sources: Iterable<readonly [number, StoredSource]>): void {
    this.#watermark = watermark
    for (const [source, stored] of sources) this.#sources.set(source, stored)
  }

  restorePart(start: number, source: number, accumulator: Accumulator): void {
    this.#open(start).parts.set(source, accumulator)
  }

  /** After the parts: what is complete and has changed since it was last emitted is due. */
  restoreProgress(start: number, revision: number, changed: boolean): void {
    const state = this.#open(start)
    state.revision = revision
    state.changed = changed
    if (changed && this.#isComplete(state)) this.#makeDue(state)
  }

  #advanceTo(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    for (const state of this.#states.values()) if (state.changed && this.#isComplete(state)) this.#makeDue(state)
  }

  #open(start: number): MergeState {
    let state = this.#states.get(start)
    if (state === undefined) {
      const flags = { revision: 0, changed: false, due: false, dirty: false }
      state = { start, parts: new Map(), dirtyParts: new Set(), ...flags }
      this.#states.set(start, state)
    }
    return state
  }

  #isComplete(state: MergeState): boolean {
    return state.start + this.spec.sizeMs <= this.#watermark
  }

  #isForgotten(start: number): boolean {
    return start + this.spec.sizeMs + this.spec.allowedLatenessMs <= this.#watermark
  }

  #touch(state: MergeState): void {
    state.dirty = true
    this.#dirty.add(state)
  }

  #makeDue(state: MergeState): void {
    state.due = true
    this.#due.add(state)
    this.#touch(state)
  }
}
