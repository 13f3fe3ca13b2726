import { randomInt } from 'node:crypto'
import type { WallClock } from '../clock.ts'

/** 2020: with it a name has 15 digits until 2051, which doubles count exactly. */
const SINCE_MS = 1_577_836_800_000
/** Names per millisecond. Gateways draw where they begin, so that two seldom give the same one. */
const PER_MS = 1_000
/** How often gateways tell each other, through Redis, how far their names are. */
const RAISE_EVERY_MS = 1_000
/** How far names may have got since a gateway raised the mark for the last time, and what Redis may have lost of that. */
const UNMARKED_MS = 3 * RAISE_EVERY_MS

/** Where gateways keep the largest name of all: raises it to at least a number, and returns what it is then. */
export type RaiseMark = (newest: number) => Promise<number>

/**
 * Names of producers' sequences: a later one is larger, and takes the place of those before it. By the clock of gateways, since
 * those of devices may say anything - and never below the mark that all gateways share, since those may be set back too.
 */
export class Sequences {
  readonly #clock: WallClock
  readonly #raiseMark: RaiseMark
  #last = 0
  #timer: NodeJS.Timeout | undefined

  constructor(clock: WallClock, raiseMark: RaiseMark) {
    this.#clock = clock
    this.#raiseMark = raiseMark
  }

  /** MUST be awaited before names are given. @throws what raising the mark throws */
  async start(): Promise<void> {
    await this.#raise()
    if (this.#last > this.#byClock()) this.#last += UNMARKED_MS * PER_MS
    // Without Redis nobody publishes, and the next one is soon.
    this.#timer = setInterval(() => void this.#raise().catch(() => {}), RAISE_EVERY_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  next(): string {
    this.#last = Math.max(this.#last + 1, this.#byClock() + randomInt(PER_MS))
    return String(this.#last)
  }

  #byClock(): number {
    return (this.#clock.now() - SINCE_MS) * PER_MS
  }

  async #raise(): Promise<void> {
    const mark = await this.#raiseMark(Math.max(this.#last, this.#byClock()))
    this.#last = Math.max(this.#last, mark)
  }
}
