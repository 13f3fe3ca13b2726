import { randomInt } from 'node:crypto'
import type { WallClock } from '../clock.ts'

/** 2020: with this origin a name has 15 digits until 2051, which doubles hold exactly. */
const SINCE_MS = 1_577_836_800_000
/** Names per millisecond. Gateways start at a random one, so that two seldom give the same name. */
const PER_MS = 1_000
/** How often gateways share, through Redis, how far their names have advanced. */
const RAISE_EVERY_MS = 1_000
/** How far names may have advanced since a gateway last raised the mark, including what Redis may have lost of it. */
const UNMARKED_MS = 3 * RAISE_EVERY_MS

/** The shared largest name: raises it to at least a number, and returns its new value. */
export type RaiseMark = (newest: number) => Promise<number>

/**
 * Names of producers' sequences: a later one is larger and replaces those before it. They follow the clocks of
 * gateways, since those of devices may be anything, and never fall below the mark that all gateways share, since a
 * gateway's clock may be set back too.
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
    // Without Redis nobody publishes, and the next attempt is soon.
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
