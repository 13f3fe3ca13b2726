import { BusUnavailable } from '../bus/index.ts'
import { LagCount } from './lag-count.ts'
import type { PartitionStore } from './partition-store.ts'
import type { WorkerStats } from './worker-stats.ts'

const STATE_EVERY_MS = 10_000
const LAG_EVERY_MS = 5_000

/** What is measured of a partition in Redis now and then: the memory of its window state, and how much input waits. */
export class PartitionMeter {
  readonly #store: PartitionStore
  readonly #hashes: readonly string[]
  readonly #stats: WorkerStats
  readonly #lag = new LagCount()
  /** By the monotonic clock. */
  #stateAt = Number.NEGATIVE_INFINITY
  #lagAt = Number.NEGATIVE_INFINITY

  /** @param hashes that hold the state. */
  constructor(store: PartitionStore, hashes: readonly string[], stats: WorkerStats) {
    this.#store = store
    this.#hashes = hashes
    this.#stats = stats
  }

  /** One more entry of a topic is folded. */
  folded(topic: string): void {
    this.#lag.folded(topic)
  }

  /**
   * The memory is estimated from a few fields of each hash. What Redis does not answer is measured at the next interval.
   *
   * @param offsets input -> id of the last entry that is folded
   */
  async measureWhenDue(offsets: () => ReadonlyMap<string, string>): Promise<void> {
    const now = performance.now()
    try {
      if (now - this.#stateAt >= STATE_EVERY_MS) {
        this.#stateAt = now
        this.#stats.measured(this.#store.partition, await this.#store.ledger.memoryOf(this.#hashes))
      }
      if (now - this.#lagAt >= LAG_EVERY_MS) {
        this.#lagAt = now
        const folded = offsets()
        const sizes = await this.#store.log.sizes([...folded.keys()])
        this.#stats.waits(this.#store.partition, this.#lag.entries(sizes, folded))
      }
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
    }
  }
}
