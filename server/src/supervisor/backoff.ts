const FIRST_MS = 200
const LONGEST_MS = 10_000
/** A process that ran this long does not crash at its start: its next end counts as a first one. */
const HEALTHY_MS = 30_000

/**
 * Waits before restarts: doubling from 0.2 s to 10 s while a process ends soon after each start, with up to half taken
 * off at random, so that several processes that lost the same Redis do not return in step.
 */
export class Backoff {
  #soonEnds = 0
  readonly #random: () => number

  /** @param random uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Consecutive ends soon after a start. */
  get soonEnds(): number {
    return this.#soonEnds
  }

  /** Wait before a restart, ms, after a life of `livedMs`. */
  next(livedMs: number): number {
    this.#soonEnds = livedMs >= HEALTHY_MS ? 0 : this.#soonEnds + 1
    const full = Math.min(FIRST_MS * 2 ** Math.max(0, this.#soonEnds - 1), LONGEST_MS)
    return Math.round(full * (1 - this.#random() / 2))
  }
}
