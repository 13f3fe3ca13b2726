/** By how much less the server may seem ahead with each ping: clocks differ by less, and a ping that is late says too little. */
const MAX_DRIFT_MS = 10
/** A ping is hardly ever this late: the clock of the server was set back. */
const SET_BACK_MS = 10_000
/** No two clocks drift apart by this between pings: the machine slept, or its clock was set. */
const JUMP_MS = 2_000
/** More than sums of fractions are off by: a whole millisecond is not taken for the one before. */
const ROUNDING_MS = 0.001

/**
 * The time of the server, carried on by the monotonic clock between what the server says: a clock on the wall may be wrong
 * by hours. It is behind by the way of a frame, never ahead.
 */
export class ServerClock {
  /** Of the server's clock before the monotonic one; `undefined` until the first greeting. */
  #ahead: number | undefined
  /** Of the wall clock before the monotonic one, when the server spoke last. */
  #wall = 0

  /** The server says its time now. @param isNew it greets a new connection: nothing from before counts */
  note(time: number, isNew: boolean): void {
    const now = performance.now()
    const ahead = time - now
    const before = isNew ? undefined : this.#ahead
    this.#wall = Date.now() - now
    this.#ahead = before === undefined || ahead < before - SET_BACK_MS ? ahead : Math.max(ahead, before - MAX_DRIFT_MS)
  }

  /** Whether the server has said its time. */
  get isKnown(): boolean {
    return this.#ahead !== undefined
  }

  /** Whether the machine may have slept since the server spoke, for which the monotonic clock may stand still. */
  get isInDoubt(): boolean {
    return this.#ahead !== undefined && Date.now() - performance.now() - this.#wall > JUMP_MS
  }

  /** The server's time at a moment of the monotonic clock, ms since 1970; before the first greeting that of this machine. */
  at(monotonic: number): number {
    const ahead = this.#ahead ?? Date.now() - performance.now()
    return Math.floor(ahead + monotonic + ROUNDING_MS)
  }
}
