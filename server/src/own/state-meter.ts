import { BusUnavailable } from '../bus/index.ts'
import type { PartitionStore } from './partition-store.ts'

const MEASURE_EVERY_MS = 10_000

/** Memory of a partition's window state in Redis. */
export class StateMeter {
  readonly #store: PartitionStore
  readonly #hashes: readonly string[]
  /** By the monotonic clock. */
  #measuredAt = Number.NEGATIVE_INFINITY

  /** @param hashes that hold the state. */
  constructor(store: PartitionStore, hashes: readonly string[]) {
    this.#store = store
    this.#hashes = hashes
  }

  /**
   * Bytes, at most every 10 s, estimated from a few fields of each hash; `undefined` when it is not due or Redis does
   * not answer.
   */
  async measureWhenDue(): Promise<number | undefined> {
    const now = performance.now()
    if (now - this.#measuredAt < MEASURE_EVERY_MS) return undefined
    this.#measuredAt = now
    try {
      return await this.#store.ledger.memoryOf(this.#hashes)
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      return undefined
    }
  }
}
