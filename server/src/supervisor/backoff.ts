const FIRST_MS = 200
const LONGEST_MS = 10_000
/** Whoever ran this long is not crashing at its start: its next end is a first one. */
const HEALTHY_MS = 30_000

/**
 * Waiting times before restarts: doubling from 0.2 s to 10 s while something ends soon after each start, with up to half
 * taken off at random, so that several who lost the same Redis do not come back in step.
 */
export class Backoff {
  #soonEnds = 0
  readonly #random: () => number

  /** @param random uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Ends in a row that came soon after a start. */
  get soonEnds(): number {
    return this.#soonEnds
  }

  /** Milliseconds to wait after an end that came `livedMs` after the start. */
  next(livedMs: number): number {
    this.#soonEnds = livedMs >= HEALTHY_MS ? 0 : this.#soonEnds + 1
    const full = Math.min(FIRST_MS * 2 ** Math.max(0, this.#soonEnds - 1), LONGEST_MS)
    return Math.round(full * (1 - this.#random() / 2))
  }
}
