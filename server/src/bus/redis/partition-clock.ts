import type { Clock } from '../../clock.ts'
import type { RedisClock } from './redis-clock.ts'

/**
 * The clock of the Redis that holds a partition, wherever that moves. Until the one that it has moved to has told its time, the
 * clock before counts.
 */
export class PartitionClock implements Clock {
  readonly #present: () => RedisClock
  #last: RedisClock

  /** @param present the clock of the Redis that holds the partition now */
  constructor(present: () => RedisClock) {
    this.#present = present
    this.#last = present()
  }

  now(): number {
    const present = this.#present()
    if (present.isKnown) this.#last = present
    return this.#last.now()
  }

  monotonic(): number {
    return this.#last.monotonic()
  }
}
