/**
 * An input that was polled and found empty for this long is idle and stops holding the watermark back. Long enough for
 * a reading interval of a second and the commit of a busy gateway, short enough that a last window closes soon.
 */
export const IDLE_AFTER_MS = 2_000

/**
 * Event-time progress of one input of a partition. While it is active the watermark trails the largest time seen by
 * the out-of-orderness; once idle it is that time, then moves on with the time spent idle - never to the wall clock
 * itself, which may be far from the times in the events.
 */
export class SourceClock {
  #maxTime: number
  #emptySince: number | undefined

  constructor(maxTime = Number.NEGATIVE_INFINITY) {
    this.#maxTime = maxTime
  }

  /** Largest event time seen, ms; -Infinity before the first event. */
  get maxTime(): number {
    return this.#maxTime
  }

  observe(time: number): void {
    if (time > this.#maxTime) this.#maxTime = time
    this.#emptySince = undefined
  }

  /** The input was asked for more and had nothing. */
  polledEmpty(now: number): void {
    this.#emptySince ??= now
  }

  isIdle(now: number): boolean {
    return this.#emptySince !== undefined && now - this.#emptySince >= IDLE_AFTER_MS
  }

  /** "No more on-time event with a time below this is expected." The caller keeps it from moving back. */
  watermark(outOfOrdernessMs: number, now: number): number {
    if (this.#emptySince === undefined || !this.isIdle(now)) return this.#maxTime - outOfOrdernessMs
    return this.#maxTime + (now - this.#emptySince - IDLE_AFTER_MS)
  }
}
