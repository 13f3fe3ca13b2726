import type { PaneTiming, WindowShape, WindowSpec } from '../config/contract/model.ts'
import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import type { Emission } from './emission.ts'
import { EndQueue } from './end-queue.ts'
import { fieldName, parseFieldName } from './state-field.ts'
import type { StateField, StateWrites, WindowOperator } from './window-operator.ts'

export type SessionSpec = WindowSpec & Extract<WindowShape, { type: 'session' }>

/** A pane that subscribers hold. */
interface Shown {
  readonly start: number
  readonly end: number
  readonly revision: number
}

interface Session {
  readonly key: string
  start: number
  /** Time of the last event and the gap. */
  end: number
  accumulator: Accumulator
  /** Panes emitted so far by this session and those merged into it: the revision of the next one. */
  revision: number
  /** Panes emitted and not withdrawn, of this session and of those merged into it. */
  shown: Shown[]
  /** Changed since it was last emitted. */
  changed: boolean
  /** The watermark's own pane is out, or came too soon for this session to have one. */
  closed: boolean
  due: boolean
  dirty: boolean
  /** Merged into another one, or forgotten. */
  gone: boolean
}

/**
 * Session windows: the events of a key, each less than a gap after the one before it. An event that joins sessions
 * merges them; the merged session's pane comes right behind withdrawals of its parts' panes. Sessions of one key never
 * touch, so field `<start>:<key>` names one: `revision;flags;end;shown;accumulator`, `shown` a list of
 * `start,end,revision`.
 */
export class SessionWindow implements WindowOperator {
  readonly #spec: SessionSpec
  readonly #aggregates: AggregateSet
  /** Per key, in order of time. */
  readonly #sessions = new Map<string, Session[]>()
  readonly #open = new EndQueue<Session>()
  /** Complete sessions that late events may still change. */
  readonly #kept = new EndQueue<Session>()
  readonly #due = new Set<Session>()
  readonly #dirty = new Set<Session>()
  /** Changed and incomplete sessions: candidates for early panes. */
  readonly #unseen = new Set<Session>()
  readonly #deleted = new Set<string>()
  #openCount = 0
  #incompleteCount = 0
  #watermark: number

  /** @param stored and watermark: as left by an earlier instance. */
  constructor(spec: SessionSpec, watermark = Number.NEGATIVE_INFINITY, stored: readonly StateField[] = []) {
    this.#spec = spec
    this.#aggregates = new AggregateSet(spec.aggregate)
    this.#watermark = watermark
    const sessions = stored.map((field) => this.#decode(field)).sort((a, b) => a.end - b.end || a.start - b.start)
    for (const session of sessions) {
      this.#insert(session)
      if (session.end > watermark) this.#awaitEnd(session)
      else this.#complete(session)
    }
  }

  get watermark(): number {
    return this.#watermark
  }

  get dueCount(): number {
    return this.#due.size
  }

  get dirtyCount(): number {
    return this.#dirty.size + this.#deleted.size
  }

  get openCount(): number {
    return this.#openCount
  }

  get hasOpen(): boolean {
    return this.#incompleteCount > 0
  }

  get openUntil(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const sessions of this.#sessions.values()) last = Math.max(last, sessions.at(-1)!.end)
    return last > this.#watermark ? last : Number.NEGATIVE_INFINITY
  }

  get hasForgettable(): boolean {
    return this.#kept.hasUntil(this.#watermark - this.#spec.allowedLatenessMs)
  }

  /** Whether there is a session that started before `time`. */
  hasStartBefore(time: number): boolean {
    for (const [first] of this.#sessions.values()) if (first!.start < time) return true
    return false
  }

  add(key: string, time: number, data: unknown): 'added' | 'late' | 'full' {
    const end = time + this.#spec.gapMs
    const touching = (this.#sessions.get(key) ?? []).filter(
      (session) => session.start < end && time < session.end && !this.#isForgotten(session.end),
    )
    const session = touching.length > 0 ? this.#merge(touching, time) : this.#begin(key, time)
    if (typeof session === 'string') return session
    this.#aggregates.add(session.accumulator, data as Readonly<Record<string, unknown>>, time)
    session.changed = true
    this.#touch(session)
    if (session.end <= this.#watermark) this.#makeDue(session)
    else this.#unseen.add(session)
    return 'added'
  }

  advance(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    for (const session of this.#open.takeUntil(watermark, ({ gone }) => gone)) {
      this.#incompleteCount--
      this.#complete(session)
    }
  }

  flush(): void {
    for (const session of this.#unseen) this.#makeDue(session)
    this.#unseen.clear()
  }

  take(limit: number): Emission[] {
    const taken: Emission[] = []
    let panes = 0
    for (const session of this.#due) {
      if (panes++ >= limit) break
      this.#due.delete(session)
      taken.push(...this.#emit(session))
    }
    return taken
  }

  takeWrites(limit: number): StateWrites {
    const forgotten = this.#takeForgotten(limit)
    const changed: StateField[] = []
    for (const session of this.#dirty) {
      session.dirty = false
      changed.push(this.#encode(session))
    }
    this.#dirty.clear()
    const written = new Set(changed.map(([field]) => field))
    const deleted = [...this.#deleted].filter((field) => !written.has(field))
    this.#deleted.clear()
    return { changed, forgotten: [...deleted, ...forgotten] }
  }

  #begin(key: string, time: number): Session | 'late' | 'full' {
    const end = time + this.#spec.gapMs
    if (this.#isForgotten(end)) return 'late'
    const isFull = this.#sessions.size >= this.#spec.maxKeys && !this.#sessions.has(key)
    if (isFull || this.#openCount >= this.#spec.maxOpen) return 'full'
    const accumulator = this.#aggregates.create()
    const closed = end <= this.#watermark
    const flags = { changed: false, closed, due: false, dirty: false, gone: false }
    const session: Session = { key, start: time, end, accumulator, revision: 0, shown: [], ...flags }
    this.#insert(session)
    if (closed) this.#kept.add(session)
    else this.#awaitEnd(session)
    return session
  }

  /** Merges the sessions that an event at `time` touches. */
  #merge([first, ...others]: Session[], time: number): Session {
    const session = first!
    const wasComplete = session.end <= this.#watermark
    for (const other of others) {
      this.#aggregates.merge(session.accumulator, other.accumulator)
      session.end = other.end
      session.revision = Math.max(session.revision, other.revision)
      session.shown.push(...other.shown)
      this.#remove(other)
      this.#deleted.add(fieldName(other.start, other.key))
    }
    if (time < session.start) {
      this.#deleted.add(fieldName(session.start, session.key))
      session.start = time
    }
    session.end = Math.max(session.end, time + this.#spec.gapMs)
    const isComplete = session.end <= this.#watermark
    session.closed = isComplete
    if (wasComplete && !isComplete) {
      // Open again. It leaves the queue of complete ones at its turn there.
      session.due = false
      this.#due.delete(session)
      this.#awaitEnd(session)
    }
    return session
  }

  #awaitEnd(session: Session): void {
    this.#open.add(session)
    this.#incompleteCount++
    if (session.changed) this.#unseen.add(session)
  }

  #complete(session: Session): void {
    this.#unseen.delete(session)
    this.#kept.add(session)
    const isDelta = this.#spec.accumulation === 'discarding'
    if (session.changed || (!session.closed && !isDelta)) this.#makeDue(session)
    else if (!session.closed) {
      session.closed = true
      this.#touch(session)
    }
  }

  #emit(session: Session): Emission[] {
    const { key, start, end, accumulator, revision } = session
    const isEarly = end > this.#watermark
    const timing: PaneTiming = isEarly ? 'early' : session.closed ? 'late' : 'on_time'
    const value = this.#aggregates.result(accumulator)
    const withdrawn = session.shown.filter((shown) => shown.start !== start || shown.end !== end)
    if (this.#spec.accumulation === 'discarding') session.accumulator = this.#aggregates.create()
    else session.shown = [{ start, end, revision }]
    session.due = false
    session.changed = false
    session.closed ||= !isEarly
    session.revision++
    this.#unseen.delete(session)
    this.#touch(session)
    return [
      ...withdrawn.map((shown) => ({ kind: 'withdraw', key, ...shown }) as const),
      { kind: 'pane', key, start, end, value, timing, revision, final: this.#isForgotten(end) },
    ]
  }

  #takeForgotten(limit: number): string[] {
    const fields: string[] = []
    const waiting: Session[] = []
    const before = this.#watermark - this.#spec.allowedLatenessMs
    for (const session of this.#kept.takeUntil(before, ({ gone, end }) => gone || end > this.#watermark)) {
      if (session.due || fields.length >= limit) waiting.push(session)
      else {
        this.#remove(session)
        fields.push(fieldName(session.start, session.key))
      }
      if (fields.length >= limit) break
    }
    for (const session of waiting) this.#kept.add(session)
    return fields
  }

  #isForgotten(end: number): boolean {
    return end + this.#spec.allowedLatenessMs <= this.#watermark
  }

  #insert(session: Session): void {
    this.#openCount++
    const ofKey = this.#sessions.get(session.key)
    if (ofKey === undefined) {
      this.#sessions.set(session.key, [session])
      return
    }
    let at = ofKey.length
    while (at > 0 && ofKey[at - 1]!.start > session.start) at--
    ofKey.splice(at, 0, session)
  }

  #remove(session: Session): void {
    session.gone = true
    this.#openCount--
    if (session.end > this.#watermark) this.#incompleteCount--
    this.#due.delete(session)
    this.#dirty.delete(session)
    this.#unseen.delete(session)
    const ofKey = this.#sessions.get(session.key)!
    ofKey.splice(ofKey.indexOf(session), 1)
    if (ofKey.length === 0) this.#sessions.delete(session.key)
  }

  #touch(session: Session): void {
    if (session.dirty) return
    session.dirty = true
    this.#dirty.add(session)
  }

  #makeDue(session: Session): void {
    if (session.due) return
    session.due = true
    this.#due.add(session)
  }

  #encode({ start, key, end, revision, changed, closed, shown, accumulator }: Session): StateField {
    const flags = (changed ? 1 : 0) + (closed ? 2 : 0)
    const panes = shown.map((pane) => `${pane.start},${pane.end},${pane.revision}`).join(' ')
    return [fieldName(start, key), `${revision};${flags};${end};${panes};${this.#aggregates.encode(accumulator)}`]
  }

  #decode([field, value]: StateField): Session {
    const [revision, flags, end, panes, accumulator] = value.split(';') as [string, string, string, string, string]
    const { start, key } = parseFieldName(field)
    return {
      start,
      key,
      end: Number(end),
      accumulator: this.#aggregates.decode(accumulator),
      revision: Number(revision),
      shown: panes === '' ? [] : panes.split(' ').map(decodeShown),
      changed: (Number(flags) & 1) !== 0,
      closed: (Number(flags) & 2) !== 0,
      due: false,
      dirty: false,
      gone: false,
    }
  }
}

function decodeShown(text: string): Shown {
  const [start, end, revision] = text.split(',').map(Number) as [number, number, number]
  return { start, end, revision }
}
