import { type Bus, BusFull, BusUnavailable } from '../../bus/index.ts'
import type { WallClock } from '../../clock.ts'
import { type ReportedStatus, reportedStatus } from './reported-status.ts'

/** Processes report once a second. */
const FRESH_MS = 1_000

export interface StatusAnswer extends ReportedStatus {
  /** Why it is of an earlier moment; absent while Redis answers. */
  readonly fault?: string
}

/** Reads the reports of all processes once a second at most, however many look, and not at all while nobody does. */
export class StatusReader {
  readonly #bus: Pick<Bus, 'gateways' | 'workers' | 'owners' | 'redisState'>
  readonly #clock: WallClock
  #last: ReportedStatus | undefined
  #reading: Promise<ReportedStatus> | undefined

  constructor(bus: Pick<Bus, 'gateways' | 'workers' | 'owners' | 'redisState'>, clock: WallClock) {
    this.#bus = bus
    this.#clock = clock
  }

  /** @throws BusUnavailable where it was never read */
  async read(): Promise<StatusAnswer> {
    const age = this.#last === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - this.#last.at
    // The clock may have been set back.
    if (age >= 0 && age < FRESH_MS) return this.#last!
    try {
      this.#reading ??= this.#look()
      return await this.#reading
    } catch (error) {
      const isAway = error instanceof BusUnavailable || error instanceof BusFull
      if (!isAway || this.#last === undefined) throw error
      return { ...this.#last, fault: error.message }
    } finally {
      this.#reading = undefined
    }
  }

  async #look(): Promise<ReportedStatus> {
    const [gateways, workers, owners, redis] = await Promise.all([
      this.#bus.gateways(),
      this.#bus.workers(),
      this.#bus.owners(),
      this.#bus.redisState(),
    ])
    this.#last = reportedStatus({ gateways, workers, owners, redis }, this.#clock.now())
    return this.#last
  }
}
