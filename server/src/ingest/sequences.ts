import { randomInt } from 'node:crypto'
import type { WallClock } from '../clock.ts'

/** 2020: with it a name has 15 digits until 2051, which doubles count exactly. */
const SINCE_MS = 1_577_836_800_000
/** Names per millisecond. Gateways draw where they begin, so that two seldom give the same one. */
const PER_MS = 1_000

/**
 * Names of producers' sequences: a later one is larger, and takes the place of those before it. By the clock of gateways, since
 * those of devices may say anything.
 */
export class Sequences {
  readonly #clock: WallClock
  #last = 0

  constructor(clock: WallClock) {
    this.#clock = clock
  }

  next(): string {
    this.#last = Math.max(this.#last + 1, (this.#clock.now() - SINCE_MS) * PER_MS + randomInt(PER_MS))
    return String(this.#last)
  }
}
