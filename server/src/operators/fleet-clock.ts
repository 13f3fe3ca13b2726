import { IDLE_AFTER_MS } from './idle-timer.ts'
import { idleWatermark } from './idle-watermark.ts'
import type { StateField, StateWrites } from './window-operator.ts'

/** Limit of remembered clocks of one fleet: about 10 MB. */
const MAX_CLOCKS = 100_000
/** How many are forgotten at once when there are too many, so that not every new one costs a search. */
const FORGOTTEN_SHARE = 0.01
/** State field with the largest time of any forgotten clock; fields of clocks have a prefix. */
const FORGOTTEN = 'forgotten'

export interface SlowestSource {
  readonly source: string
  readonly behindMs: number
}

interface FleetMember {
  readonly source: string
  /** Largest event time seen, ms. */
  maxTime: number
  /** Polled time of its last event. */
  seenAt: number
}

/**
 * Event-time progress of a partition's input with many sources, each with its own clock. The slowest active clock
 * decides. A clock is idle after a silence of `IDLE_AFTER_MS` in which the log was read to its end: only such time
 * counts, so that a backlog makes no source idle. Bounded: beyond the limit those furthest behind are forgotten, and
 * one that returns starts at the furthest of the forgotten ones.
 *
 * Field `=<source>` of its state holds the largest time of the source.
 */
export class FleetClock {
  readonly #maxClocks: number
  readonly #members = new Map<string, FleetMember>()
  readonly #dirty = new Set<string>()
  readonly #removed = new Set<string>()
  #forgotten = Number.NEGATIVE_INFINITY
  #maxTime = Number.NEGATIVE_INFINITY
  /** Time for which the log is known to have been read to its end, ms since this instance was made. */
  #polledMs = 0
  #polledAt: number | undefined
  /** The clock when the log was last read to its end. */
  #now = Number.NEGATIVE_INFINITY
  #lastSeenAt = 0
  /** The slowest active clock, while it is known. */
  #slowest: FleetMember | undefined

  /** @param stored as left by an earlier instance; all of its sources count as just seen. */
  constructor(stored: readonly StateField[] = [], maxClocks = MAX_CLOCKS) {
    this.#maxClocks = maxClocks
    for (const [field, value] of stored) {
      const maxTime = Number(value)
      this.#maxTime = Math.max(this.#maxTime, maxTime)
      if (field === FORGOTTEN) this.#forgotten = maxTime
      else this.#members.set(field.slice(1), { source: field.slice(1), maxTime, seenAt: 0 })
    }
  }

  get dirtyCount(): number {
    return this.#dirty.size + this.#removed.size
  }

  readonly hasForgettable = false

  /** Clocks held. */
  get openCount(): number {
    return this.#members.size
  }

  /** Whether every source is idle, or there is none. */
  get isIdle(): boolean {
    return this.#isSilentSince(this.#lastSeenAt)
  }

  observe(source: string, time: number): void {
    const member = this.#members.get(source) ?? this.#admit(source)
    member.seenAt = this.#polledMs
    this.#lastSeenAt = this.#polledMs
    if (time > member.maxTime) {
      if (member === this.#slowest) this.#slowest = undefined
      member.maxTime = time
      this.#maxTime = Math.max(this.#maxTime, time)
      this.#dirty.add(source)
    }
    if (this.#slowest !== undefined && member.maxTime < this.#slowest.maxTime) this.#slowest = member
  }

  /** Sources whose input has ended hold nobody back, as if they were idle, until their next event. */
  end(hasEnded: (source: string) => boolean): void {
    for (const member of this.#members.values()) if (hasEnded(member.source)) member.seenAt = Number.NEGATIVE_INFINITY
    this.#slowest = undefined
  }

  /** Everything in the log at `now`, ms, was observed. */
  readToEnd(now: number): void {
    const passed = this.#polledAt === undefined ? 0 : now - this.#polledAt
    // Neither a step of the clock nor time in which this process was stopped is polled time.
    if (passed > 0 && passed <= IDLE_AFTER_MS) this.#polledMs += passed
    this.#polledAt = now
    this.#now = now
  }

  /** The log holds more than was read, or could not be read. */
  interrupted(): void {
    this.#polledAt = undefined
  }

  /**
   * "No more on-time event with a time below this is expected." The caller keeps it from moving back.
   *
   * @param maxBehindMs a source further behind the largest time seen does not hold back the others
   */
  watermark(outOfOrdernessMs: number, maxBehindMs = Number.POSITIVE_INFINITY): number {
    if (this.#members.size === 0) return this.#forgotten
    if (this.isIdle) {
      const idleMs = this.#polledMs - this.#lastSeenAt - IDLE_AFTER_MS
      return idleWatermark(this.#maxTime, idleMs, this.#now, outOfOrdernessMs)
    }
    const slowest = this.#slowestMember()?.maxTime ?? this.#maxTime
    return Math.max(slowest, this.#maxTime - maxBehindMs) - outOfOrdernessMs
  }

  /** The active source that is furthest behind the largest time seen; none while all are idle. */
  get slowest(): SlowestSource | undefined {
    if (this.isIdle || this.#members.size === 0) return undefined
    const slowest = this.#slowestMember()
    return slowest && { source: slowest.source, behindMs: this.#maxTime - slowest.maxTime }
  }

  takeWrites(): StateWrites {
    const changed: StateField[] = [...this.#dirty].map((source) => [
      `=${source}`,
      `${this.#members.get(source)!.maxTime}`,
    ])
    const forgotten = [...this.#removed].map((source) => `=${source}`)
    if (forgotten.length > 0) changed.push([FORGOTTEN, `${this.#forgotten}`])
    this.#dirty.clear()
    this.#removed.clear()
    return { changed, forgotten }
  }

  #isSilentSince(seenAt: number): boolean {
    return this.#polledMs - seenAt >= IDLE_AFTER_MS
  }

  /** None where the input of all that are not idle has ended. */
  #slowestMember(): FleetMember | undefined {
    if (this.#slowest === undefined || this.#isSilentSince(this.#slowest.seenAt)) this.#slowest = this.#findSlowest()
    return this.#slowest
  }

  #findSlowest(): FleetMember | undefined {
    let slowest: FleetMember | undefined
    for (const member of this.#members.values()) {
      if (this.#isSilentSince(member.seenAt)) continue
      if (slowest === undefined || member.maxTime < slowest.maxTime) slowest = member
    }
    return slowest
  }

  #admit(source: string): FleetMember {
    if (this.#members.size >= this.#maxClocks) this.#forget()
    const member = { source, maxTime: this.#forgotten, seenAt: this.#polledMs }
    this.#members.set(source, member)
    this.#dirty.add(source)
    this.#removed.delete(source)
    return member
  }

  #forget(): void {
    const count = Math.ceil(this.#maxClocks * FORGOTTEN_SHARE)
    const furthestBehind = [...this.#members].sort(([, a], [, b]) => a.maxTime - b.maxTime).slice(0, count)
    for (const [source, { maxTime }] of furthestBehind) {
      this.#members.delete(source)
      this.#dirty.delete(source)
      this.#removed.add(source)
      this.#forgotten = Math.max(this.#forgotten, maxTime)
    }
    this.#slowest = undefined
  }
}
