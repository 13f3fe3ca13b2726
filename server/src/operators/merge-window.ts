import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import type { EmittedPane } from './emission.ts'
import { endedWatermark } from './ended-watermark.ts'
import { IdleTimer } from './idle-timer.ts'
import type { TumblingSpec } from './tumbling-window.ts'

/** The report of one source partition. */
export interface SourceReport {
  /** The source's watermark, ms; `null` before its first event. */
  readonly watermark: number | null
  /** The source has no input and must not hold the others back. */
  readonly idle: boolean
  /** Its input has ended: it is idle, and all of its windows may be closed once that holds for every source. */
  readonly ended?: boolean
  /** The first start from which the source has everything, ms; absent: all of them. */
  readonly begin?: number
  /** Its part of each window that changed, encoded. Absolute: it replaces the earlier report. */
  readonly partials: readonly { readonly start: number; readonly key: string; readonly accumulator: string }[]
}

/** Last reported event-time progress of one source. */
export type SourceStatus = Pick<SourceReport, 'watermark' | 'idle' | 'ended' | 'begin'>

/** The merged state of one window and group: the latest partial of each source. */
export interface MergeState {
  readonly start: number
  /** Of the group. */
  readonly key: string
  readonly parts: Map<number, Accumulator>
  /** Results emitted so far: the revision of the next one. */
  revision: number
  /** Changed since it was last emitted. */
  changed: boolean
  /** The watermark's own pane is out, or came too soon to count as one. */
  closed: boolean
  due: boolean
  /** Sources whose partial differs from what is stored. */
  readonly dirtyParts: Set<number>
}

export type StoredMergeState = Pick<MergeState, 'start' | 'key' | 'parts' | 'revision' | 'changed' | 'closed'>

export interface StoredMergeClock {
  readonly watermark: number
  readonly sources: Iterable<readonly [source: number, status: SourceStatus]>
}

/**
 * Second stage of a window whose groups lie in several partitions: merges the reports of source partitions. A report
 * replaces the source's earlier one, so reading a report twice changes nothing. A window is complete when every source
 * has reported and the watermarks of all active ones have passed its end; with every source idle, the latest of them
 * advances with the waiting time.
 */
export class MergeWindow {
  readonly spec: TumblingSpec
  readonly aggregates: AggregateSet
  readonly #sourceCount: number
  /** Window start -> group -> state. */
  readonly #windows = new Map<number, Map<string, MergeState>>()
  #openCount = 0
  readonly #sources: Map<number, SourceStatus>
  readonly #due = new Set<MergeState>()
  readonly #dirty = new Set<MergeState>()
  #dirtyParts = 0
  readonly #allIdle = new IdleTimer()
  /** Sources whose idle report may be relied on; absent: all. */
  #trusted: ReadonlySet<number> | undefined
  /** The clock when the reports were last polled. */
  #now = Number.NEGATIVE_INFINITY
  #watermark: number

  constructor(
    spec: TumblingSpec,
    sourceCount: number,
    clock: StoredMergeClock = { watermark: Number.NEGATIVE_INFINITY, sources: [] },
    stored: readonly StoredMergeState[] = [],
  ) {
    this.spec = spec
    this.aggregates = new AggregateSet(spec.aggregate)
    this.#sourceCount = sourceCount
    this.#watermark = clock.watermark
    this.#sources = new Map(clock.sources)
    for (const each of stored) this.#insert({ ...each, due: false, dirtyParts: new Set() })
    this.#makeCompleteDue()
  }

  get watermark(): number {
    return this.#watermark
  }

  get sources(): ReadonlyMap<number, SourceStatus> {
    return this.#sources
  }

  /** The first start from which every source has everything. */
  get begin(): number {
    return Math.max(...[...this.#sources.values()].map(({ begin }) => begin ?? Number.NEGATIVE_INFINITY))
  }

  get dueCount(): number {
    return this.#due.size
  }

  /** Changed fields: parts, and the state of the window as a whole. */
  get dirtyCount(): number {
    return this.#dirty.size + this.#dirtyParts
  }

  /** Whether anything waits for the watermark. */
  get hasOpen(): boolean {
    return Number.isFinite(this.#openUntil())
  }

  /** Whether the input of every source has ended. */
  get hasEnded(): boolean {
    return this.#sources.size === this.#sourceCount && [...this.#sources.values()].every(({ ended }) => ended === true)
  }

  /** Number of states, emitted or not. */
  get openCount(): number {
    return this.#openCount
  }

  get hasForgettable(): boolean {
    for (const start of this.#windows.keys()) if (this.#isForgotten(start)) return true
    return false
  }

  /** Takes a source's report and returns how many of its partials came after their window was forgotten. */
  apply(source: number, { partials, ...status }: SourceReport): number {
    this.#sources.set(source, status)
    this.#allIdle.reset()
    let late = 0
    for (const { start, key, accumulator } of partials) {
      if (this.#isForgotten(start)) {
        late++
        continue
      }
      const state = this.#open(start, key)
      state.parts.set(source, this.aggregates.decode(accumulator))
      if (!state.dirtyParts.has(source)) this.#dirtyParts++
      state.dirtyParts.add(source)
      state.changed = true
      this.#dirty.add(state)
      if (this.#isComplete(start)) this.#makeDue(state)
    }
    return late
  }

  /** No source has reported anything since the last call. */
  polledEmpty(now: number): void {
    this.#now = now
    if ([...this.#sources.values()].every((source) => source.idle)) this.#allIdle.polledEmpty(now)
  }

  /** The reports could not be read. */
  interrupted(): void {
    this.#allIdle.reset()
  }

  /** From now on an idle source holds the others back as an active one does, except in `advanceTrusting`. */
  distrustIdle(): void {
    this.#trusted = new Set()
  }

  /** Idle sources without which the watermark could complete or forget windows, if each were known to have no input. */
  idleInTheWay(): number[] {
    if (this.#trusted === undefined || this.#sources.size < this.#sourceCount) return []
    const wanted = this.#allowedWatermark(undefined)
    if (!this.#passesBorder(wanted)) return []
    return [...this.#sources].flatMap(([source, status]) =>
      status.idle && watermarkOf(status) < wanted ? [source] : [],
    )
  }

  /** Moves the watermark; these sources are known to have no input at this moment. */
  advanceTrusting(sources: ReadonlySet<number>): void {
    const before = this.#trusted
    this.#trusted = sources
    this.advance()
    this.#trusted = before
  }

  /** Moves the watermark as far as the sources allow, never back. */
  advance(): void {
    if (this.#sources.size < this.#sourceCount) return
    const allowed = this.#allowedWatermark(this.#trusted)
    if (allowed <= this.#watermark) return
    this.#watermark = allowed
    this.#makeCompleteDue()
  }

  /** Makes incomplete windows that changed since their last pane due as early panes. */
  flush(): void {
    for (const groups of this.#windows.values()) {
      for (const state of groups.values()) if (state.changed) this.#makeDue(state)
    }
  }

  /** Takes up to `limit` panes that are due. */
  take(limit: number): EmittedPane[] {
    return [...this.#due].slice(0, limit).map((state) => {
      const { start, key, closed, revision } = state
      this.#due.delete(state)
      state.due = false
      state.changed = false
      const isEarly = !this.#isComplete(start)
      state.closed ||= !isEarly
      state.revision++
      this.#dirty.add(state)
      const value = this.aggregates.result(this.#merged(state))
      const end = start + this.spec.sizeMs
      const timing = isEarly ? 'early' : closed ? 'late' : 'on_time'
      return { kind: 'pane', key, start, end, value, timing, revision, final: this.#isForgotten(start) }
    })
  }

  /** Takes up to `limit` states that nothing can change any more. */
  takeForgotten(limit: number): MergeState[] {
    const taken: MergeState[] = []
    for (const [start, groups] of this.#windows) {
      if (!this.#isForgotten(start)) continue
      for (const state of groups.values()) {
        if (taken.length >= limit) return taken
        if (state.due) continue
        groups.delete(state.key)
        this.#dirty.delete(state)
        this.#dirtyParts -= state.dirtyParts.size
        this.#openCount--
        taken.push(state)
      }
      if (groups.size === 0) this.#windows.delete(start)
    }
    return taken
  }

  /** Takes every changed window, with its changed parts. */
  takeDirty(): { readonly state: MergeState; readonly parts: readonly (readonly [source: number, Accumulator])[] }[] {
    const taken = [...this.#dirty].map((state) => {
      const parts = [...state.dirtyParts].map((source) => [source, state.parts.get(source)!] as const)
      state.dirtyParts.clear()
      return { state, parts }
    })
    this.#dirty.clear()
    this.#dirtyParts = 0
    return taken
  }

  #merged(state: MergeState): Accumulator {
    const total = this.aggregates.create()
    for (const part of state.parts.values()) this.aggregates.merge(total, part)
    return total
  }

  /** Whether no report can change the window at `start` any more. */
  #isForgotten(start: number): boolean {
    return start + this.spec.sizeMs + this.spec.allowedLatenessMs <= this.#watermark
  }

  /** @param trusted sources whose idle report counts; absent: all. */
  #allowedWatermark(trusted: ReadonlySet<number> | undefined): number {
    const held = [...this.#sources].filter(([source, { idle }]) => !idle || trusted?.has(source) === false)
    if (held.length > 0) return Math.min(...held.map(([, status]) => watermarkOf(status)))
    const reached = Math.max(...[...this.#sources.values()].map(watermarkOf))
    const latest = this.hasEnded
      ? Math.max(reached, endedWatermark(this.#openUntil(), this.#now, this.spec.outOfOrdernessMs))
      : reached
    return this.#allIdle.isIdle ? this.#allIdle.watermark(latest, this.spec.outOfOrdernessMs) : latest
  }

  #openUntil(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const start of this.#windows.keys()) if (!this.#isComplete(start)) last = Math.max(last, start)
    return last + this.spec.sizeMs
  }

  /** Whether a watermark would complete or forget further windows, whether or not any of them has state. */
  #passesBorder(watermark: number): boolean {
    const { offsetMs, sizeMs, allowedLatenessMs } = this.spec
    return [0, allowedLatenessMs].some((delayMs) => {
      const bucketOf = (time: number) => Math.floor((time - delayMs - offsetMs) / sizeMs)
      return bucketOf(watermark) > bucketOf(this.#watermark)
    })
  }

  #open(start: number, key: string): MergeState {
    const known = this.#windows.get(start)?.get(key)
    if (known !== undefined) return known
    const closed = this.#isComplete(start)
    return this.#insert({
      start,
      key,
      parts: new Map(),
      revision: 0,
      changed: false,
      closed,
      due: false,
      dirtyParts: new Set(),
    })
  }

  #insert(state: MergeState): MergeState {
    const groups = this.#windows.get(state.start) ?? new Map<string, MergeState>()
    this.#windows.set(state.start, groups.set(state.key, state))
    this.#openCount++
    return state
  }

  #isComplete(start: number): boolean {
    return start + this.spec.sizeMs <= this.#watermark
  }

  #makeCompleteDue(): void {
    const complete = [...this.#windows].filter(([start]) => this.#isComplete(start))
    for (const [, groups] of complete.sort(([a], [b]) => a - b)) {
      for (const state of groups.values()) if (state.changed || !state.closed) this.#makeDue(state)
    }
  }

  #makeDue(state: MergeState): void {
    state.due = true
    this.#due.add(state)
  }
}

function watermarkOf({ watermark }: SourceStatus): number {
  return watermark ?? Number.NEGATIVE_INFINITY
}
