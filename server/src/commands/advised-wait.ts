/** Refused commands that may come again in a second: they take a gateway some 5 % of a core. */
const PER_SECOND = 2_000
/** Whoever waits may have a deadline of some seconds. */
const MOST_MS = 2_000

/**
 * How long the senders of commands are to wait that there is no room for. While few are refused it is as long as makes room; the
 * more are refused the longer, so that not all of them come again at once.
 */
export class AdvisedWait {
  readonly #monotonic: () => number
  /** By then all that were refused may have come again. */
  #fullUntil = Number.NEGATIVE_INFINITY

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** For one more, ms. @param leastMs after which there may be room */
  next(leastMs: number): number {
    const now = this.#monotonic()
    this.#fullUntil = Math.min(Math.max(this.#fullUntil, now) + 1_000 / PER_SECOND, now + MOST_MS)
    return Math.max(leastMs, Math.ceil(this.#fullUntil - now))
  }
}
