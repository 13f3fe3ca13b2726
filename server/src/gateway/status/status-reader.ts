import { type Bus, BusFull, BusUnavailable } from '../../bus/index.ts'
import type { WallClock } from '../../clock.ts'
import type { LetterTopics } from '../../dead-letters/index.ts'
import { type ReportedStatus, reportedStatus } from './reported-status.ts'

/** Processes report once a second. */
const FRESH_MS = 1_000

export interface StatusAnswer extends ReportedStatus {
  /** Why it is of an earlier moment; absent while Redis answers. */
  readonly fault?: string
}

type ReadBus = Pick<Bus, 'gateways' | 'workers' | 'owners' | 'redisState' | 'breakers' | 'isEmptied'>
type Letters = Pick<LetterTopics, 'look'>

/** Reads the reports of all processes once a second at most, however many look, and not at all while nobody does. */
export class StatusReader {
  readonly #bus: ReadBus
  readonly #clock: WallClock
  readonly #letters: Letters
  #last: ReportedStatus | undefined
  #reading: Promise<ReportedStatus> | undefined

  constructor(bus: ReadBus, clock: WallClock, letters: Letters) {
    this.#bus = bus
    this.#clock = clock
    this.#letters = letters
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
    const [gateways, workers, owners, redis, deadLetters] = await Promise.all([
      this.#bus.gateways(),
      this.#bus.workers(),
      this.#bus.owners(),
      this.#bus.redisState(),
      // A partition whose node fails costs no more than this.
      this.#letters.look().catch(unlessUnavailable),
    ])
    const { breakers, isEmptied } = this.#bus
    const takesWrites = breakers.every((one) => one.class !== 'append' || one.state === 'closed')
    const reports = { gateways, workers, owners, redis, deadLetters, takesWrites, isEmptied }
    this.#last = reportedStatus(reports, this.#clock.now())
    return this.#last
  }
}

function unlessUnavailable(error: unknown): undefined {
  if (!(error instanceof BusUnavailable)) throw error
}
