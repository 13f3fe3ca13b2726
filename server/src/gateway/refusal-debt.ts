import { LIMITS } from '@tidegate/protocol'

/**
 * Lets a connection be refused as often as one that has as many commands unanswered as it may, gets all of them refused, and waits
 * each time as it is advised. That one never has to wait for this. Pure; times are ms of one clock.
 */
export class RefusalDebt {
  /** By then that one would have had the refusals that this one has had. */
  #paidAt = Number.NEGATIVE_INFINITY
  /** The longest wait that was advised since nothing was owed. */
  #longestMs = 0

  refused(retryAfterMs: number, now: number): void {
    if (this.#paidAt <= now) {
      this.#paidAt = now
      this.#longestMs = 0
    }
    this.#paidAt += retryAfterMs / LIMITS.commands
    this.#longestMs = Math.max(this.#longestMs, retryAfterMs)
  }

  /** How long until it may be refused again, ms; 0: now. */
  waitMs(now: number): number {
    return Math.max(0, this.#paidAt - this.#longestMs - now)
  }
}
