import type { WindowSpec } from '../config/model.ts'
import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import { tumblingStart } from './tumbling.ts'

/** What is stored of one window and key. */
export interface StoredWindowState {
  readonly key: string
  readonly start: number
  readonly accumulator: Accumulator
  /** Results emitted so far: the revision of the next one. */
  readonly revision: number
  /** Has changed since it was last emitted. */
  readonly changed: boolean
}

/** The open state of one window and key. */
export interface WindowState extends StoredWindowState {
  revision: number
  changed: boolean
  /** Waits to be emitted. */
  due: boolean
  /** Differs from what is stored. */
  dirty: boolean
}

interface Group {
  readonly start: number
  readonly end: number
  readonly states: Map<string, WindowState>
  /** The watermark has passed its end: what changes from now on is due at once. */
  complete: boolean
}

/**
 * Tumbling windows per key as a state machine over events and watermarks. Pure: it keeps what changed and what is due,
 * and its driver stores and emits that. Nothing here is undone - a driver that cannot commit drops the instance and
 * makes another from what is stored.
 */
export class KeyedWindow {
  readonly spec: WindowSpec
  readonly aggregates: AggregateSet
  readonly #groups = new Map<number, Group>()
  /** The few groups that wait for the watermark, out of the many kept for late events. */
  readonly #incomplete = new Set<Group>()
  /** Insertion-ordered sets: emitted and stored in the order things happened. */
  readonly #due = new Set<WindowState>()
  readonly #dirty = new Set<WindowState>()
  #watermark: number
  /** Group of the last event: events mostly come for the same window. */
  #recent: Group | undefined

  /** @param watermark and stored: as left by an earlier instance. What is complete and changed since its last result is due. */
  constructor(spec: WindowSpec, watermark = Number.NEGATIVE_INFINITY, stored: readonly StoredWindowState[] = []) {
    this.spec = spec
    this.aggregates = new AggregateSet(spec.aggregate)
    this.#watermark = watermark
    for (const each of stored) {
      const state = { ...each, due: false, dirty: false }
      this.#openGroup(state.start).states.set(state.key, state)
    }
    for (const group of byStart(this.#groups.values())) if (group.complete) this.#complete(group)
  }

  get watermark(): number {
    return this.#watermark
  }

  get dirtyCount(): number {
    return this.#dirty.size
  }

  get dueCount(): number {
    return this.#due.size
  }

  /** States held, emitted or not. */
  get openCount(): number {
    let count = 0
    for (const group of this.#groups.values()) count += group.states.size
    return count
  }

  /** Whether anything waits for the watermark. */
  get hasOpen(): boolean {
    return this.#incomplete.size > 0
  }

  /** Whether there are states that nothing can change any more. */
  get hasForgettable(): boolean {
    for (const group of this.#groups.values()) if (this.isForgotten(group.start)) return true
    return false
  }

  /** Folds one event. `late`: its window is forgotten, and the event changed nothing. */
  add(key: string, time: number, data: Readonly<Record<string, unknown>>): 'added' | 'late' {
    const start = tumblingStart(time, this.spec.sizeMs, this.spec.offsetMs)
    const group = this.#recent?.start === start ? this.#recent : this.#groupAt(start)
    if (group === undefined) return 'late'
    let state = group.states.get(key)
    if (state === undefined) {
      const accumulator = this.aggregates.create()
      state = { key, start, accumulator, revision: 0, changed: false, due: false, dirty: false }
      group.states.set(key, state)
    }
    this.aggregates.add(state.accumulator, data)
    state.changed = true
    this.#touch(state)
    if (group.complete) this.#makeDue(state)
    return 'added'
  }

  /** Moves the watermark forward, never back. Windows that end at or before it become due, oldest first. */
  advance(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    const completed = [...this.#incomplete].filter((group) => group.end <= watermark)
    for (const group of byStart(completed)) this.#complete(group)
    if (this.#recent !== undefined && this.isForgotten(this.#recent.start)) this.#recent = undefined
  }

  /** Makes due whatever has changed since it was last emitted, before its time. */
  flush(): void {
    for (const group of byStart(this.#incomplete)) {
      for (const state of group.states.values()) if (state.changed) this.#makeDue(state)
    }
  }

  /** Takes up to `limit` due states, each counted as emitted once more. */
  takeDue(limit: number): WindowState[] {
    const taken: WindowState[] = []
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

  /** Takes up to `limit` states that nothing can change any more (`end + allowedLateness <= watermark`, nothing due). */
  takeForgotten(limit: number): WindowState[] {
    const taken: WindowState[] = []
    for (const group of this.#groups.values()) {
      if (!this.isForgotten(group.start)) continue
      for (const state of group.states.values()) {
        if (taken.length >= limit) return taken
        if (state.due) continue
        group.states.delete(state.key)
        this.#dirty.delete(state)
        taken.push(state)
      }
      if (group.states.size === 0) this.#groups.delete(group.start)
    }
    return taken
  }

  /** Takes every state that differs from what is stored. */
  takeDirty(): WindowState[] {
    const taken = [...this.#dirty]
    for (const state of taken) state.dirty = false
    this.#dirty.clear()
    return taken
  }

  /** Whether no event can change the window at `start` any more. */
  isForgotten(start: number): boolean {
    return start + this.spec.sizeMs + this.spec.allowedLatenessMs <= this.#watermark
  }

  /** The group an event belongs to, or nothing when it is forgotten. */
  #groupAt(start: number): Group | undefined {
    if (this.isForgotten(start)) return undefined
    this.#recent = this.#openGroup(start)
    return this.#recent
  }

  #openGroup(start: number): Group {
    let group = this.#groups.get(start)
    if (group === undefined) {
      const end = start + this.spec.sizeMs
      group = { start, end, states: new Map(), complete: end <= this.#watermark }
      this.#groups.set(start, group)
      if (!group.complete) this.#incomplete.add(group)
    }
    return group
  }

  #complete(group: Group): void {
    group.complete = true
    this.#incomplete.delete(group)
    for (const state of group.states.values()) if (state.changed) this.#makeDue(state)
  }

  #touch(state: WindowState): void {
    if (state.dirty) return
    state.dirty = true
    this.#dirty.add(state)
  }

  /** Does not make it differ from what is stored: whoever loads it finds it due as well. */
  #makeDue(state: WindowState): void {
    if (state.due) return
    state.due = true
    this.#due.add(state)
  }
}

function byStart(groups: Iterable<Group>): Group[] {
  return [...groups].sort((a, b) => a.start - b.start)
}
