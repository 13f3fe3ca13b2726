import type { Clock } from '../../clock.ts'

/** How often a session is written to at most: what arrives in between travels in one frame. */
const FLUSH_MS = 10

export interface Flushable {
  /** Writes what it can, and tells whether it must be called again at the next tick. */
  flush(): boolean
}

/** The one flush timer of a node. It runs only while somebody has something to send; after a pause the first flush is immediate. */
export class Flusher {
  readonly #clock: Clock
  #waiting = new Set<Flushable>()
  #lastTick = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  /** When those are due that can wait for company. */
  readonly #patient = new Map<Flushable, number>()
  #patientTimer: { readonly dueAt: number; readonly timer: NodeJS.Timeout } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param withinMs how long it may wait for more to send */
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

  /** Those due within a tick go together: one look at all of them per tick at most. */
  #releasePatient(): void {
    this.#patientTimer = undefined
    const releasedUpTo = this.#clock.monotonic() + FLUSH_MS
    let nextDue = Number.POSITIVE_INFINITY
    for (const [session, dueAt] of this.#patient) {
      if (dueAt <= releasedUpTo) this.schedule(session)
      else nextDue = Math.min(nextDue, dueAt)
    }
    if (this.#patient.size > 0) this.#armPatient(nextDue)
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const pauseMs = this.#lastTick + FLUSH_MS - this.#clock.monotonic()
    if (pauseMs > 0) this.#timer = setTimeout(() => this.#tick(), Math.min(pauseMs, FLUSH_MS))
    // Not at once: everything the present turn has to offer shall travel together.
    else this.#immediate = setImmediate(() => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    this.#immediate = undefined
    this.#lastTick = this.#clock.monotonic()
    const due = this.#waiting
    this.#waiting = new Set()
    for (const session of due) if (session.flush()) this.#waiting.add(session)
    if (this.#waiting.size > 0) this.#arm()
  }
}
