import type { Clock } from '../clock.ts'
import type { LoopTurn } from '../loop-turn.ts'

/**
 * Takes steps while there is something to do: as many as fit in a turn of the event loop, the others in later turns. It sleeps while
 * all that waits has to be paid for first.
 */
export class PacedLoop {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #loopTurn: Pick<LoopTurn, 'until'>
  readonly #step: () => number
  #turn: NodeJS.Immediate | undefined
  #sleep: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param step returns how long until the next one, ms; 0: now, infinite: once `wake` is called. MUST NOT throw. */
  constructor(clock: Pick<Clock, 'monotonic'>, loopTurn: Pick<LoopTurn, 'until'>, step: () => number) {
    this.#clock = clock
    this.#loopTurn = loopTurn
    this.#step = step
  }

  /** There is something to do. */
  wake(): void {
    if (!this.#isClosed) this.#turn ??= setImmediate(() => this.#go())
  }

  /** No further step is taken. */
  close(): void {
    this.#isClosed = true
    clearImmediate(this.#turn)
    clearTimeout(this.#sleep)
  }

  #go(): void {
    this.#turn = undefined
    const until = this.#loopTurn.until()
    do {
      const waitMs = this.#step()
      if (waitMs > 0) return this.#wakeIn(waitMs)
    } while (this.#clock.monotonic() < until)
    this.wake()
  }

  #wakeIn(waitMs: number): void {
    if (this.#isClosed || this.#sleep !== undefined || waitMs === Number.POSITIVE_INFINITY) return
    this.#sleep = setTimeout(() => {
      this.#sleep = undefined
      this.wake()
    }, waitMs)
    this.#sleep.unref()
  }
}
