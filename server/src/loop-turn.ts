import type { Clock } from './clock.ts'

/** How long all that waits for its turn is handled before the event loop looks for something else. */
const TURN_MS = 2
/** What each kind of it may take, however long the others took. */
const LEAST_MS = 0.5
/**
 * Timers are due between the end of one turn and the sockets of the next, an immediate would be between sockets and what they led to:
 * that would have as long again. A turn that is shorter than this goes on in the next one.
 */
const SHORTEST_MS = 1

/**
 * One turn of the event loop, which everything shares that is done a little at a time: frames, requests, what was read, what is
 * written. If each had as much for itself, others would wait for the sum.
 */
export class LoopTurn {
  readonly #clock: Pick<Clock, 'monotonic'>
  #until = 0
  #hasBegun = false
  readonly #end: NodeJS.Timeout

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
    this.#end = setTimeout(() => {
      this.#hasBegun = false
    }, SHORTEST_MS).unref()
  }

  /** Until when there is time for one kind of work, ms of the monotonic clock. To be asked when it begins. */
  until(): number {
    const now = this.#clock.monotonic()
    if (!this.#hasBegun) {
      this.#hasBegun = true
      this.#until = now + TURN_MS
      this.#end.refresh()
    }
    return Math.max(this.#until, now + LEAST_MS)
  }
}
