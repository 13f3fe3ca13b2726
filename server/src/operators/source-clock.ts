import { IdleTimer } from './idle-timer.ts'

/**
 * Event-time progress of one input of a partition. While it is active the watermark trails the largest time seen by the
 * out-of-orderness. Once idle it is that time, then advances with the idle time (`idleWatermark`), but never follows
 * the wall clock itself, which may be far from the times in the events.
 */
export class SourceClock {
  readonly #idle = new IdleTimer()
  #maxTime: number

  constructor(maxTime = Number.NEGATIVE_INFINITY) {
    this.#maxTime = maxTime
  }

  /** Largest event time seen, ms; -Infinity before the first event. */
  get maxTime(): number {
    return this.#maxTime
  }

  get isIdle(): boolean {
    return this.#idle.isIdle
  }

  observe(time: number): void {
    if (time > this.#maxTime) this.#maxTime = time
    this.#idle.reset()
  }

  /** The input was polled and empty. */
  polledEmpty(now: number): void {
    this.#idle.polledEmpty(now)
  }

  /** The input could not be polled: an idle one may have events waiting. */
  interrupted(): void {
    this.#idle.reset()
  }

  /** "No more on-time event with a time below this is expected." The caller keeps it from moving back. */
  watermark(outOfOrdernessMs: number): number {
    if (this.#idle.isIdle) return this.#idle.watermark(this.#maxTime, outOfOrdernessMs)
    return this.#maxTime - outOfOrdernessMs
  }
}
