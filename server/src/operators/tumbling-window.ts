import type { PaneTiming, WindowShape, WindowSpec } from '../config/contract/model.ts'
import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import type { EmittedPane } from './emission.ts'
import { fieldName, parseFieldName } from './state-field.ts'
import { tumblingStart } from './tumbling.ts'
import type { StateField, StateWrites, WindowOperator } from './window-operator.ts'

export type TumblingSpec = WindowSpec & Extract<WindowShape, { type: 'tumbling' }>

/** The open state of one window and key. */
interface WindowState {
  readonly key: string
  readonly start: number
  accumulator: Accumulator
  /** Panes emitted so far: the revision of the next one. */
  revision: number
  /** Changed since it was last emitted. */
  changed: boolean
  /** The watermark's own pane is out, or came too soon for this key to have one. */
  closed: boolean
  /** Waits to be emitted. */
  due: boolean
  /** Differs from what is stored. */
  dirty: boolean
}

interface Group {
  readonly start: number
  readonly end: number
  readonly states: Map<string, WindowState>
  /** The watermark has passed its end: later changes are due at once. */
  complete: boolean
}

/** The report of one source about a window and group that other sources share: everything so far. */
export interface Partial {
  readonly start: number
  readonly key: string
  readonly accumulator: Accumulator
}

/** Tumbling windows: every event belongs to one. Field `<start>:<key>` holds `revision;flags;accumulator`. */
export class TumblingWindow implements WindowOperator {
  readonly aggregates: AggregateSet
  readonly #spec: TumblingSpec
  readonly #groups = new Map<number, Group>()
  /** The few groups that wait for the watermark, out of the many kept for late events. */
  readonly #incomplete = new Set<Group>()
  /** Insertion-ordered sets: emitted and stored in order of occurrence. */
  readonly #due = new Set<WindowState>()
  readonly #dirty = new Set<WindowState>()
  #watermark: number
  #openCount: number
  /** Group of the last event: consecutive events mostly belong to the same window. */
  #recent: Group | undefined

  /** @param stored and watermark: as left by an earlier instance. */
  constructor(spec: TumblingSpec, watermark = Number.NEGATIVE_INFINITY, stored: readonly StateField[] = []) {
    this.#spec = spec
    this.aggregates = new AggregateSet(spec.aggregate)
    this.#watermark = watermark
    this.#openCount = stored.length
    for (const field of stored) {
      const state = this.#decode(field)
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

  get openCount(): number {
    return this.#openCount
  }

  get hasOpen(): boolean {
    return this.#incomplete.size > 0
  }

  get openUntil(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const { end } of this.#incomplete) last = Math.max(last, end)
    return last
  }

  get hasForgettable(): boolean {
    for (const group of this.#groups.values()) if (this.#isForgotten(group.start)) return true
    return false
  }

  add(key: string, time: number, data: unknown): 'added' | 'late' | 'full' {
    const start = tumblingStart(time, this.#spec.sizeMs, this.#spec.offsetMs)
    const group = this.#recent?.start === start ? this.#recent : this.#groupAt(start)
    if (group === undefined) return 'late'
    let state = group.states.get(key)
    if (state === undefined) {
      if (group.states.size >= this.#spec.maxKeys || this.#openCount >= this.#spec.maxOpen) return 'full'
      this.#openCount++
      const accumulator = this.aggregates.create()
      const closed = group.complete
      state = { key, start, accumulator, revision: 0, changed: false, closed, due: false, dirty: false }
      group.states.set(key, state)
    }
    this.aggregates.add(state.accumulator, data as Readonly<Record<string, unknown>>, time)
    state.changed = true
    this.#touch(state)
    if (group.complete) this.#makeDue(state)
    return 'added'
  }

  advance(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    const completed = [...this.#incomplete].filter((group) => group.end <= watermark)
    for (const group of byStart(completed)) this.#complete(group)
    if (this.#recent !== undefined && this.#isForgotten(this.#recent.start)) this.#recent = undefined
  }

  flush(): void {
    for (const group of byStart(this.#incomplete)) {
      for (const state of group.states.values()) if (state.changed) this.#makeDue(state)
    }
  }

  take(limit: number): EmittedPane[] {
    return this.#takeDue(limit).map(({ state, timing }) => {
      const { key, start, revision, accumulator } = state
      const value = this.aggregates.result(accumulator)
      if (this.#spec.accumulation === 'discarding') state.accumulator = this.aggregates.create()
      const end = start + this.#spec.sizeMs
      return { kind: 'pane', key, start, end, value, timing, revision: revision - 1, final: this.#isForgotten(start) }
    })
  }

  /** Takes up to `limit` due states as parts of windows that another operator merges. */
  takePartials(limit: number): Partial[] {
    return this.#takeDue(limit).map(({ state: { start, key, accumulator } }) => ({ start, key, accumulator }))
  }

  takeWrites(limit: number): StateWrites {
    const forgotten = this.#takeForgotten(limit).map(({ start, key }) => fieldName(start, key))
    const changed: StateField[] = []
    for (const state of this.#dirty) {
      state.dirty = false
      changed.push(this.#encode(state))
    }
    this.#dirty.clear()
    return { changed, forgotten }
  }

  #takeDue(limit: number): { state: WindowState; timing: PaneTiming }[] {
    const taken: { state: WindowState; timing: PaneTiming }[] = []
    for (const state of this.#due) {
      if (taken.length >= limit) break
      this.#due.delete(state)
      const isEarly = state.start + this.#spec.sizeMs > this.#watermark
      taken.push({ state, timing: isEarly ? 'early' : state.closed ? 'late' : 'on_time' })
      state.due = false
      state.changed = false
      state.closed ||= !isEarly
      state.revision++
      this.#touch(state)
    }
    return taken
  }

  /** States that nothing can change any more (`end + allowedLateness <= watermark`, nothing due). */
  #takeForgotten(limit: number): WindowState[] {
    const taken: WindowState[] = []
    for (const group of this.#groups.values()) {
      if (!this.#isForgotten(group.start)) continue
      for (const state of group.states.values()) {
        if (taken.length >= limit) return taken
        if (state.due) continue
        group.states.delete(state.key)
        this.#openCount--
        this.#dirty.delete(state)
        taken.push(state)
      }
      if (group.states.size === 0) this.#groups.delete(group.start)
    }
    return taken
  }

  #isForgotten(start: number): boolean {
    return start + this.#spec.sizeMs + this.#spec.allowedLatenessMs <= this.#watermark
  }

  /** The group of an event, or nothing when it is forgotten. */
  #groupAt(start: number): Group | undefined {
    if (this.#isForgotten(start)) return undefined
    this.#recent = this.#openGroup(start)
    return this.#recent
  }

  #openGroup(start: number): Group {
    let group = this.#groups.get(start)
    if (group === undefined) {
      const end = start + this.#spec.sizeMs
      group = { start, end, states: new Map(), complete: end <= this.#watermark }
      this.#groups.set(start, group)
      if (!group.complete) this.#incomplete.add(group)
    }
    return group
  }

  /** Every key gets the watermark's pane, so that consumers can rely on it; an empty one is skipped. */
  #complete(group: Group): void {
    group.complete = true
    this.#incomplete.delete(group)
    const isDelta = this.#spec.accumulation === 'discarding'
    for (const state of group.states.values()) {
      if (state.changed || (!state.closed && !isDelta)) this.#makeDue(state)
      else if (!state.closed) {
        state.closed = true
        this.#touch(state)
      }
    }
  }

  #touch(state: WindowState): void {
    if (state.dirty) return
    state.dirty = true
    this.#dirty.add(state)
  }

  /** Does not mark it as changed: after a load it is due as well. */
  #makeDue(state: WindowState): void {
    if (state.due) return
    state.due = true
    this.#due.add(state)
  }

  #encode({ start, key, revision, changed, closed, accumulator }: WindowState): StateField {
    const flags = (changed ? 1 : 0) + (closed ? 2 : 0)
    return [fieldName(start, key), `${revision};${flags};${this.aggregates.encode(accumulator)}`]
  }

  #decode([field, value]: StateField): WindowState {
    const [revision, flags, accumulator] = value.split(';') as [string, string, string]
    const { start, key } = parseFieldName(field)
    return {
      key,
      start,
      accumulator: this.aggregates.decode(accumulator),
      revision: Number(revision),
      changed: (Number(flags) & 1) !== 0,
      closed: (Number(flags) & 2) !== 0,
      due: false,
      dirty: false,
    }
  }
}

function byStart(groups: Iterable<Group>): Group[] {
  return [...groups].sort((a, b) => a.start - b.start)
}
