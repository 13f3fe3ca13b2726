import { spreadRetryMs } from '../retry-after.ts'

/** Load of a gateway. */
export interface Load {
  /** Mean delay of the event loop in the last moments, ms. */
  readonly lagMs: number
  /** Used share of the memory for waiting events; above 1 it is over budget. */
  readonly queueShare: number
  /** Whether the memory of the process is within its limit. */
  readonly hasMemory: boolean
}

/** Withholding comes first; over budget means that only high events are left. */
const MAX_QUEUE_SHARE = 1
/** Returning connections and publishes are refused at this multiple of the lag at which new connections are. */
const RESERVE = 3
/** Clients turned away come back within 0.5 to 1.5 s, not all at once. */
const MIN_RETRY_MS = 500
const RETRY_SPREAD_MS = 1_000

/**
 * Decides whom a gateway still admits. It refuses new connections first, so that existing clients keep their service,
 * then returning ones and publishes too. Pure.
 */
export class Admission {
  readonly #maxLagMs: number
  readonly #random: () => number
  #load: Load = { lagMs: 0, queueShare: 0, hasMemory: true }

  /** @param maxLagMs event-loop lag above which new connections are refused. */
  constructor(maxLagMs: number, random: () => number = Math.random) {
    this.#maxLagMs = maxLagMs
    this.#random = random
  }

  observe(load: Load): void {
    this.#load = load
  }

  /** When a connection may try again, ms; `undefined` if it is admitted. */
  connection(isReturning: boolean): number | undefined {
    const { lagMs, queueShare, hasMemory } = this.#load
    if (!hasMemory) return this.#retryAfterMs()
    const isTaken = isReturning
      ? lagMs <= RESERVE * this.#maxLagMs
      : lagMs <= this.#maxLagMs && queueShare <= MAX_QUEUE_SHARE
    return isTaken ? undefined : this.#retryAfterMs()
  }

  /** When a publish may be sent again, ms; `undefined` if it is admitted. */
  publish(): number | undefined {
    return this.#load.lagMs <= RESERVE * this.#maxLagMs ? undefined : this.#retryAfterMs()
  }

  #retryAfterMs(): number {
    return spreadRetryMs(MIN_RETRY_MS, RETRY_SPREAD_MS, this.#random())
  }
}
