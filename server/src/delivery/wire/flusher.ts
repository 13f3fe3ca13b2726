import type { Clock } from '../../clock.ts'
import { Turns } from '../../limits/index.ts'
import { LoopTurn } from '../../loop-turn.ts'

/**
 * Time from one tick to the next, within which events share a frame: so many times what the last one took, so that ticks are rarer
 * the more there is to write. A shorter one would cost clients more than it would save them.
 */
const TICK_WRITES = 4
const MIN_TICK_MS = 2
const MAX_TICK_MS = 10

export interface Flushable {
  /** Those of one purse take turns as one. */
  readonly purse: object
  /** Writes what it can, and returns whether it must be called again at the next tick. */
  flush(): boolean
}

/**
 * The one flush timer of a node. It runs only while there is something to send; after a pause the first flush is
 * immediate.
 */
export class Flusher {
  readonly #clock: Clock
  readonly #loopTurn: Pick<LoopTurn, 'until'>
  readonly #waiting = new Set<Flushable>()
  /** The same, in the order of their turns. */
  readonly #turns = new Turns<Flushable>()
  /** During a tick: what is written at the next one. */
  #next: Flushable[] | undefined
  #nextTick = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  /** Due times of sessions whose events may wait. */
  readonly #patient = new Map<Flushable, number>()
  #patientTimer: { readonly dueAt: number; readonly timer: NodeJS.Timeout } | undefined

  constructor(clock: Clock, loopTurn: Pick<LoopTurn, 'until'> = new LoopTurn(clock)) {
    this.#clock = clock
    this.#loopTurn = loopTurn
  }

  /** @param withinMs how long the events may wait for more */
  schedule(session: Flushable, withinMs = 0): void {
    if (withinMs > 0) return this.#wait(session, this.#clock.monotonic() + withinMs)
    this.#patient.delete(session)
    if (this.#next !== undefined) {
      this.#next.push(session)
      return
    }
    this.#add(session)
    this.#arm()
  }

  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    clearTimeout(this.#patientTimer?.timer)
    this.#waiting.clear()
    this.#turns.clear()
    this.#patient.clear()
  }

  #add(session: Flushable): void {
    if (this.#waiting.has(session)) return
    this.#waiting.add(session)
    this.#turns.add(session.purse, session)
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
    // What does not fit follows in the next turn of the event loop.
    const isCut = !this.#flush(this.#loopTurn.until())
    const tookMs = this.#clock.monotonic() - begin
    this.#nextTick = isCut ? begin : begin + Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, TICK_WRITES * tookMs))
    if (this.#waiting.size > 0) this.#arm()
  }

  /** @returns whether everything that waited was written */
  #flush(until: number): boolean {
    const next: Flushable[] = []
    this.#next = next
    let session = this.#turns.take()
    for (; session !== undefined; session = this.#clock.monotonic() < until ? this.#turns.take() : undefined) {
      this.#waiting.delete(session)
      if (session.flush()) next.push(session)
    }
    this.#next = undefined
    const isDone = this.#turns.size === 0
    for (const session of next) this.#add(session)
    return isDone
  }
}
