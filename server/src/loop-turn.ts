import type { Clock } from './clock.ts'

/** How long all that waits for its turn is handled before the event loop looks for something else. */
const TURN_MS = 2
/** What each kind of it may take, however long the others took. */
const LEAST_MS = 0.5

/**
 * One turn of the event loop, which everything shares that is done a little at a time: frames, requests, what was read, what is
 * written. If each had as much for itself, others would wait for the sum.
 */
export class LoopTurn {
  readonly #clock: Pick<Clock, 'monotonic'>
  #until = 0
  #end: NodeJS.Immediate | undefined

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Until when there is time for one kind of work, ms of the monotonic clock. To be asked when it begins. */
  until(): number {
    const now = this.#clock.monotonic()
    if (this.#end === undefined) {
      this.#until = now + TURN_MS
      this.#end = setImmediate(() => {
        this.#end = undefined
      })
    }
    return Math.max(this.#until, now + LEAST_MS)
  }
}
