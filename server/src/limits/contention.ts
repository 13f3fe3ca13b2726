/** For so long after somebody was active, others share the event loop with them, ms. */
const ACTIVE_MS = 1_000
/** Above this part of its time the event loop is busy: below, whoever comes finds it free more often than not. */
const BUSY = 0.5
/** For so long after a busy moment, ms: a flood that is held back leaves the loop free, and would be let loose again. */
const HOLDS_MS = 10_000

/**
 * Whether shares of the event loop hold for somebody now: while it has been busy, and somebody else is active too. One who
 * has the gateway to itself may use all of it. Pure.
 */
export class Contention {
  #busyUntil = Number.NEGATIVE_INFINITY
  #last: object | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  /** When somebody other than the last one was active. */
  #otherAt = Number.NEGATIVE_INFINITY

  /** @param utilization part of the last moments in which the loop worked, 0 to 1 */
  observe(utilization: number, now: number): void {
    if (utilization > BUSY) this.#busyUntil = now + HOLDS_MS
  }

  /** Something was done for somebody. */
  active(party: object, now: number): void {
    if (party !== this.#last) {
      this.#last = party
      this.#otherAt = this.#lastAt
    }
    this.#lastAt = now
  }

  holdsFor(party: object, now: number): boolean {
    if (now > this.#busyUntil) return false
    return now - (party === this.#last ? this.#otherAt : this.#lastAt) <= ACTIVE_MS
  }
}
