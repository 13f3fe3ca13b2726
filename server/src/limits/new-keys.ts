import { distinct } from '../operators/index.ts'

const HOUR_MS = 3_600_000
/** A count takes some 20 us. */
const COUNT_EVERY_MS = 100

/**
 * How many different keys there were since the hour began: exactly up to 256, then in 4 KiB within 2 %. An hour begins
 * with its first key. Pure.
 */
export class NewKeys {
  #seen = distinct.init()
  #since: number
  #count = 0
  #countedAt = Number.NEGATIVE_INFINITY

  constructor(now: number) {
    this.#since = now
  }

  /** How long until the hour is over, if there were at least so many different keys in it, ms; 0: there were not. */
  waitMs(limit: number, now: number): number {
    if (now - this.#since >= HOUR_MS) {
      this.#since = now
      this.#seen = distinct.init()
      this.#countedAt = Number.NEGATIVE_INFINITY
    }
    if (now - this.#countedAt >= COUNT_EVERY_MS) {
      this.#countedAt = now
      this.#count = Number(distinct.result(this.#seen))
    }
    return this.#count < limit ? 0 : this.#since + HOUR_MS - now
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) this.#seen = distinct.add(this.#seen, key, 0)
  }
}
