/** A wait this short is what rounding leaves of a wait that is over: whoever has waited as told is not told again. */
const ROUNDING_MS = 0.001

/**
 * A rate with a burst. Something larger than the burst passes when the bucket is full, and is paid for afterwards: the
 * bucket may hold less than nothing. Pure.
 */
export class TokenBucket {
  readonly #burst: number
  readonly #perMs: number
  #tokens: number
  #at: number

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1_000
    this.#burst = burst
    this.#tokens = burst
    this.#at = now
  }

  /** How long until so many may be taken, ms; 0: now. */
  waitMs(amount: number, now: number): number {
    this.#refill(now)
    const missing = Math.min(amount, this.#burst) - this.#tokens
    const waitMs = missing / this.#perMs
    return waitMs <= ROUNDING_MS ? 0 : Math.ceil(waitMs)
  }

  take(amount: number, now: number): void {
    this.#refill(now)
    this.#tokens -= amount
  }

  #refill(now: number): void {
    if (now <= this.#at) return
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
  }
}
