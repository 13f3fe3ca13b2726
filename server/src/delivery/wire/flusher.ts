import type { Clock } from '../../clock.ts'

/**
 * Time from one tick to the next, within which events share a frame: so many times what the last one took, so that ticks are rarer
 * the more there is to write. A shorter one would cost clients more than it would save them.
 */
const TICK_WRITES = 4
const MIN_TICK_MS = 2
const MAX_TICK_MS = 10

export interface Flushable {
  /** Writes what it can, and returns whether it must be called again at the next tick. */
  flush(): boolean
}

/**
 * The one flush timer of a node. It runs only while there is something to send; after a pause the first flush is
 * immediate.
 */
export class Flusher {
  readonly #clock: Clock
  #waiting = new Set<Flushable>()
  #nextTick = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  /** Due times of sessions whose events may wait. */
  readonly #patient = new Map<Flushable, number>()
  #patientTimer: { readonly dueAt: number; readonly timer: NodeJS.Timeout } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param withinMs how long the events may wait for more */
  schedule(session: Flushable, withinMs = 0): void {
    if (withinMs > 0) return this.#wait(session, this.#clock.monotonic() + withinMs)
    this.#patient.delete(session)
    this.#waiting.add(session)
    this.#arm()
  }

  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    clearTimeout(this.#patientTimer?.timer)
    this.#waiting.clear()
    this.#patient.clear()
  }

  #wait(session: Flushable, dueAt: number): void {
    if (this.#waiting.has(session) || (this.#patient.get(session) ?? Number.POSITIVE_INFINITY) <= dueAt) return
    this.#patient.set(session, dueAt)
    if (this.#patientTimer === undefined || dueAt < this.#patientTimer.dueAt) this.#armPatient(dueAt)
  }

  #armPatient(dueAt: number): void {
    clearTimeout(this.#patientTimer?.timer)
    const timer = setTimeout(() => this.#releasePatient(), Math.max(0, dueAt - this.#clock.monotonic()))
    this.#patientTimer = { dueAt, timer }
  }

  /** Sessions due within a tick are flushed together: at most one pass over them per tick. */
  #releasePatient(): void {
    this.#patientTimer = undefined
    const releasedUpTo = this.#clock.monotonic() + MAX_TICK_MS
    let nextDue = Number.POSITIVE_INFINITY
    for (const [session, dueAt] of this.#patient) {
      if (dueAt <= releasedUpTo) this.schedule(session)
      else nextDue = Math.min(nextDue, dueAt)
    }
    if (this.#patient.size > 0) this.#armPatient(nextDue)
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const pauseMs = this.#nextTick - this.#clock.monotonic()
    if (pauseMs > 0) this.#timer = setTimeout(() => this.#tick(), Math.min(pauseMs, MAX_TICK_MS))
    // Not at once: all events of the present turn shall share a frame.
    else this.#immediate = setImmediate(() => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    this.#immediate = undefined
    const begin = this.#clock.monotonic()
    const due = this.#waiting
    this.#waiting = new Set()
    for (const session of due) if (session.flush()) this.#waiting.add(session)
    const tookMs = this.#clock.monotonic() - begin
    this.#nextTick = begin + Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, TICK_WRITES * tookMs))
    if (this.#waiting.size > 0) this.#arm()
  }
}
