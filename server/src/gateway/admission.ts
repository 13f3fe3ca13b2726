/** How busy a gateway is. */
export interface Load {
  /** By how much the event loop is behind, mean of the last moments, ms. */
  readonly lagMs: number
  /** Part of the memory for waiting events that is taken; above 1 there is more than may be. */
  readonly queueShare: number
}

/** What may be withheld is, before the memory for waiting events is exceeded: beyond it there are only events that must not be. */
const MAX_QUEUE_SHARE = 1
/** Those who come back, and publishes, are refused at this multiple of the lag at which new connections are. */
const RESERVE = 3
const MIN_RETRY_MS = 500
const RETRY_SPREAD_MS = 1_000

/**
 * Whom a gateway still takes in: first no new connections, so that those who are there keep what they have, then neither
 * who comes back nor publishes. Pure.
 */
export class Admission {
  readonly #maxLagMs: number
  readonly #random: () => number
  #load: Load = { lagMs: 0, queueShare: 0 }

  /** @param maxLagMs event-loop lag above which no new connection is taken. */
  constructor(maxLagMs: number, random: () => number = Math.random) {
    this.#maxLagMs = maxLagMs
    this.#random = random
  }

  observe(load: Load): void {
    this.#load = load
  }

  /** When a connection may try again, ms; `undefined` if it is taken. */
  connection(isReturning: boolean): number | undefined {
    const { lagMs, queueShare } = this.#load
    const isTaken = isReturning
      ? lagMs <= RESERVE * this.#maxLagMs
      : lagMs <= this.#maxLagMs && queueShare <= MAX_QUEUE_SHARE
    return isTaken ? undefined : this.#retryAfterMs()
  }

  /** When a publish may be sent again, ms; `undefined` if it is taken. */
  publish(): number | undefined {
    return this.#load.lagMs <= RESERVE * this.#maxLagMs ? undefined : this.#retryAfterMs()
  }

  /** Spread, so that not all come again at once. */
  #retryAfterMs(): number {
    return Math.round(MIN_RETRY_MS + RETRY_SPREAD_MS * this.#random())
  }
}
