import type { WindowSpec } from '../config/contract/model.ts'
import { type Accumulator, AggregateSet } from './aggregate-set.ts'
import type { EmittedPane } from './emission.ts'
import { type HoppingShape, hoppingStarts } from './hopping.ts'
import { HoppingSlices } from './hopping-slices.ts'
import { fieldName, parseFieldName } from './state-field.ts'
import { tumblingStart } from './tumbling.ts'
import type { StateField, StateWrites, WindowOperator } from './window-operator.ts'

export type HoppingSpec = WindowSpec & HoppingShape

/**
 * The exceptional state of a window and key. By rule, an open window has emitted no pane, and a complete one has
 * emitted one if the key has any events in it.
 */
interface Exception {
  readonly start: number
  readonly key: string
  /** Panes emitted so far. */
  revision: number
  changed: boolean
  due: boolean
  /** The events since the last pane; only where panes are deltas. */
  delta: Accumulator | undefined
}

/** A complete window whose panes are being emitted. */
interface Closing {
  readonly start: number
  readonly keys: readonly string[]
  next: number
}

/** The last emitted pane of a close: windows close in order of time, the keys of one in order of name. */
interface Mark {
  readonly start: number
  /** `undefined`: no pane of the window yet. */
  readonly key: string | undefined
}

const MARK_FIELD = 'closing'

/**
 * Hopping windows. An event is stored once, in its slice; a window is merged from its slices when it closes. While
 * panes of a close wait, no event may be added.
 *
 * Fields: `s<start>:<key>` a slice's accumulator; `w<start>:<key>` an exception, `revision;changed;delta`; `closing`,
 * only while panes of a close wait, the mark `start` or `start:key`.
 */
export class HoppingWindow implements WindowOperator {
  readonly #spec: HoppingSpec
  readonly #aggregates: AggregateSet
  readonly #slices: HoppingSlices
  readonly #exceptions = new Map<string, Exception>()
  /** Starts of non-empty windows that wait for the watermark. */
  readonly #waiting = new Set<number>()
  /** When the first of them ends. */
  #nextEnd = Number.POSITIVE_INFINITY
  readonly #closing: Closing[] = []
  readonly #due = new Set<Exception>()
  readonly #dirty = new Set<Exception>()
  #mark: Mark | undefined
  #isMarkStored: boolean
  #watermark: number

  /** @param stored and watermark: as left by an earlier instance. */
  constructor(spec: HoppingSpec, watermark = Number.NEGATIVE_INFINITY, stored: readonly StateField[] = []) {
    this.#spec = spec
    this.#aggregates = new AggregateSet(spec.aggregate)
    this.#slices = new HoppingSlices(spec, this.#aggregates, stored)
    for (const field of stored) if (field[0].startsWith('w')) this.#loadException(field)
    const mark = stored.find(([field]) => field === MARK_FIELD)?.[1]
    this.#isMarkStored = mark !== undefined
    // Without a mark all complete panes are out. With one, its close is repeated.
    this.#watermark = mark === undefined ? watermark : Number.NEGATIVE_INFINITY
    if (mark !== undefined) this.#mark = decodeMark(mark)
    for (const start of this.#slices.starts()) this.#await(start)
    this.advance(watermark)
    if (this.#closing.length === 0) this.#mark = undefined
    for (const exception of this.#exceptions.values()) {
      const { start, key, changed } = exception
      if (changed && this.#isComplete(start) && !this.#isPending(start, key)) this.#makeDue(exception)
    }
  }

  get watermark(): number {
    return this.#watermark
  }

  get dueCount(): number {
    return this.#closing.reduce((sum, { keys, next }) => sum + keys.length - next, this.#due.size)
  }

  get dirtyCount(): number {
    return this.#slices.dirtyCount + this.#dirty.size + (this.#closing.length > 0 || this.#isMarkStored ? 1 : 0)
  }

  get openCount(): number {
    return this.#slices.count
  }

  get hasOpen(): boolean {
    return this.#waiting.size > 0
  }

  get openUntil(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const start of this.#waiting) last = Math.max(last, start)
    return last + this.#spec.sizeMs
  }

  get hasForgettable(): boolean {
    for (const start of this.#slices.starts()) if (this.#isSliceForgotten(start)) return true
    for (const { start } of this.#exceptions.values()) if (this.#isForgotten(start)) return true
    return false
  }

  add(key: string, time: number, data: unknown): 'added' | 'late' | 'full' | 'none' {
    const { sizeMs, slideMs, offsetMs, emitEveryMs } = this.#spec
    const latest = tumblingStart(time, slideMs, offsetMs)
    if (latest + sizeMs <= time) return 'none'
    if (this.#isForgotten(latest)) return 'late'
    if (!this.#slices.hasRoomFor(key, time)) return 'full'
    const fields = data as Readonly<Record<string, unknown>>
    const earliestEnd = latest - (Math.ceil((sizeMs - (time - latest)) / slideMs) - 1) * slideMs + sizeMs
    if (earliestEnd <= this.#watermark || emitEveryMs !== undefined) this.#addToExceptions(key, time, fields)
    const created = this.#slices.add(key, time, fields)
    if (created !== undefined) this.#await(created)
    return 'added'
  }

  advance(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    if (this.#nextEnd > watermark) return
    const complete = [...this.#waiting].filter((start) => this.#isComplete(start)).sort((a, b) => a - b)
    for (const start of complete) {
      this.#waiting.delete(start)
      const keys = this.#slices.keysIn(start, start + this.#spec.sizeMs).filter((key) => this.#hasPane(start, key))
      if (keys.length === 0) continue
      if (this.#closing.length === 0) this.#mark ??= { start, key: undefined }
      this.#closing.push({ start, keys: keys.sort(), next: 0 })
    }
    this.#nextEnd = least(this.#waiting) + this.#spec.sizeMs
  }

  flush(): void {
    for (const exception of this.#exceptions.values()) {
      if (exception.changed && !this.#isComplete(exception.start)) this.#makeDue(exception)
    }
  }

  take(limit: number): EmittedPane[] {
    const panes: EmittedPane[] = []
    for (let closing = this.#closing[0]; closing !== undefined; closing = this.#closing[0]) {
      while (closing.next < closing.keys.length && panes.length < limit) {
        panes.push(this.#close(closing.start, closing.keys[closing.next++]!))
      }
      if (closing.next < closing.keys.length) return panes
      this.#closing.shift()
    }
    this.#mark = undefined
    for (const exception of this.#due) {
      if (panes.length >= limit) break
      panes.push(this.#emitException(exception))
    }
    return panes
  }

  takeWrites(limit: number): StateWrites {
    const forgotten = this.#takeForgotten(limit)
    const changed = [...this.#slices.takeDirty(), ...[...this.#dirty].map((exception) => this.#encode(exception))]
    this.#dirty.clear()
    if (this.#closing.length > 0) changed.push([MARK_FIELD, encodeMark(this.#mark!)])
    else if (this.#isMarkStored) forgotten.push(MARK_FIELD)
    this.#isMarkStored = this.#closing.length > 0
    return { changed, forgotten }
  }

  /** Called before the event is in its slice. */
  #addToExceptions(key: string, time: number, data: Readonly<Record<string, unknown>>): void {
    for (const start of hoppingStarts(time, this.#spec).reverse()) {
      const isComplete = this.#isComplete(start)
      if (this.#isForgotten(start) || (!isComplete && this.#spec.emitEveryMs === undefined)) continue
      const isPending = isComplete && this.#isPending(start, key)
      if (isPending && !this.#exceptions.has(fieldName(start, key))) continue
      const exception = this.#exceptionOf(start, key, isComplete)
      exception.changed = true
      if (this.#spec.accumulation === 'discarding') {
        exception.delta ??= this.#aggregates.create()
        this.#aggregates.add(exception.delta, data, time)
      }
      this.#dirty.add(exception)
      if (isComplete && !isPending) this.#makeDue(exception)
    }
  }

  #exceptionOf(start: number, key: string, isComplete: boolean): Exception {
    const name = fieldName(start, key)
    let exception = this.#exceptions.get(name)
    if (exception === undefined) {
      const revision = isComplete && this.#slices.has(key, start, start + this.#spec.sizeMs) ? 1 : 0
      exception = { start, key, revision, changed: false, due: false, delta: undefined }
      this.#exceptions.set(name, exception)
    }
    return exception
  }

  /** Whether the watermark's pane of a window and key is still due: an empty delta is skipped. */
  #hasPane(start: number, key: string): boolean {
    if (this.#mark !== undefined && isCovered(this.#mark, start, key)) return false
    const exception = this.#exceptions.get(fieldName(start, key))
    return this.#spec.accumulation === 'accumulating' || exception === undefined || exception.changed
  }

  /** The watermark's pane of a window and key. */
  #close(start: number, key: string): EmittedPane {
    this.#mark = { start, key }
    const exception = this.#exceptions.get(fieldName(start, key))
    const accumulator = exception?.delta ?? this.#slices.slidingTotal(key, start, start + this.#spec.sizeMs)
    const pane = this.#pane(start, key, accumulator, 'on_time', exception?.revision ?? 0)
    if (exception !== undefined) this.#emitted(exception)
    return pane
  }

  #emitException(exception: Exception): EmittedPane {
    const { start, key, delta, revision } = exception
    const accumulator = delta ?? this.#slices.total(key, start, start + this.#spec.sizeMs)
    const timing = this.#isComplete(start) ? 'late' : 'early'
    const pane = this.#pane(start, key, accumulator, timing, revision)
    this.#emitted(exception)
    return pane
  }

  #pane(start: number, key: string, of: Accumulator, timing: EmittedPane['timing'], revision: number): EmittedPane {
    const value = this.#aggregates.result(of)
    const final = this.#isForgotten(start)
    return { kind: 'pane', key, start, end: start + this.#spec.sizeMs, value, timing, revision, final }
  }

  #emitted(exception: Exception): void {
    exception.revision++
    exception.changed = false
    exception.due = false
    exception.delta = undefined
    this.#due.delete(exception)
    this.#dirty.add(exception)
  }

  /** State that nothing can change any more. Panes being emitted still need their slices. */
  #takeForgotten(limit: number): string[] {
    if (this.#closing.length > 0 || this.#due.size > 0) return []
    const fields: string[] = []
    for (const [name, exception] of this.#exceptions) {
      if (fields.length >= limit) return fields
      if (!this.#isForgotten(exception.start)) continue
      this.#exceptions.delete(name)
      this.#dirty.delete(exception)
      fields.push(`w${name}`)
    }
    for (const start of this.#slices.starts()) {
      if (fields.length >= limit) break
      if (this.#isSliceForgotten(start)) fields.push(...this.#slices.forget(start, limit - fields.length))
    }
    return fields
  }

  /** A slice has its first event: the windows over it will close. */
  #await(sliceStart: number): void {
    for (const start of hoppingStarts(sliceStart, this.#spec)) {
      if (this.#isComplete(start) || (this.#mark !== undefined && start < this.#mark.start)) continue
      this.#waiting.add(start)
      this.#nextEnd = Math.min(this.#nextEnd, start + this.#spec.sizeMs)
    }
  }

  #isPending(start: number, key: string): boolean {
    const closing = this.#closing.find((each) => each.start === start)
    return closing?.keys.includes(key, closing.next) ?? false
  }

  #isComplete(start: number): boolean {
    return start + this.#spec.sizeMs <= this.#watermark
  }

  #isForgotten(start: number): boolean {
    return start + this.#spec.sizeMs + this.#spec.allowedLatenessMs <= this.#watermark
  }

  #isSliceForgotten(sliceStart: number): boolean {
    return this.#isForgotten(tumblingStart(sliceStart, this.#spec.slideMs, this.#spec.offsetMs))
  }

  #makeDue(exception: Exception): void {
    if (exception.due) return
    exception.due = true
    this.#due.add(exception)
  }

  #encode({ start, key, revision, changed, delta }: Exception): StateField {
    const state = delta === undefined ? '' : this.#aggregates.encode(delta)
    return [`w${fieldName(start, key)}`, `${revision};${changed ? 1 : 0};${state}`]
  }

  #loadException([field, value]: StateField): void {
    const [revision, changed, delta] = value.split(';') as [string, string, string]
    const name = field.slice(1)
    this.#exceptions.set(name, {
      ...parseFieldName(name),
      revision: Number(revision),
      changed: changed === '1',
      due: false,
      delta: delta === '' ? undefined : this.#aggregates.decode(delta),
    })
  }
}

/** Infinity of none. There may be more than a call takes arguments. */
function least(times: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY
  for (const time of times) if (time < least) least = time
  return least
}

function isCovered(mark: Mark, start: number, key: string): boolean {
  return start < mark.start || (start === mark.start && mark.key !== undefined && key <= mark.key)
}

function encodeMark({ start, key }: Mark): string {
  return key === undefined ? `${start}` : fieldName(start, key)
}

function decodeMark(text: string): Mark {
  return text.includes(':') ? parseFieldName(text) : { start: Number(text), key: undefined }
}
