import { idleWatermark } from './idle-watermark.ts'

/**
 * An input that was polled and found empty for this long is idle and stops holding the watermark back. Long enough for
 * a reading interval of a second and the commit of a busy gateway, short enough that a last window closes soon.
 */
export const IDLE_AFTER_MS = 2_000

/**
 * How long an input has been empty. Only time between two empty polls counts: while Redis is away, or this process was
 * stopped, or the clock was set, nothing is known about the input.
 */
export class IdleTimer {
  #since: number | undefined
  #until = 0

  /** An event arrived, or the input could not be polled. */
  reset(): void {
    this.#since = undefined
  }

  polledEmpty(now: number): void {
    const sinceLast = now - this.#until
    if (sinceLast < 0 || sinceLast > IDLE_AFTER_MS) this.#since = undefined
    this.#since ??= now
    this.#until = now
  }

  get isIdle(): boolean {
    return this.#since !== undefined && this.#until - this.#since >= IDLE_AFTER_MS
  }

  /** The watermark while it is idle, given the input's latest time. */
  watermark(latest: number, outOfOrdernessMs: number): number {
    const idleMs = this.#until - this.#since! - IDLE_AFTER_MS
    return idleWatermark(latest, idleMs, this.#until, outOfOrdernessMs)
  }
}
