import { BusUnavailable } from '../bus/index.ts'
import type { Pipeline } from '../fold/index.ts'
import type { PartitionStore } from './partition-store.ts'

/** Results of one call: about a millisecond of Redis. */
const COUNT = 500
/** Wait between two calls: 2,000 results a second are looked at. */
const CALL_EVERY_MS = 250
/** Wait between two passes over all results. */
const PASS_EVERY_MS = 10_000
/**
 * If a larger share of the results looked at was too old, the next call follows at once, so that the share stays below
 * this.
 */
const HASTE_SHARE = 0.25

/**
 * Removes the latest results of windows once retention would remove their panes from the log: results of keys that
 * never return, such as order ids, must not stay for ever. Bounded call by call, between the commits of the owner.
 */
export class CurrentExpiry {
  readonly #store: PartitionStore
  readonly #topics: readonly { readonly name: string; readonly retentionMs: number }[]
  /** By the monotonic clock. */
  #dueAt: number
  #topic = 0
  #cursor = '0'

  constructor(store: PartitionStore, pipeline: Pipeline, partitions: number) {
    this.#store = store
    this.#topics = pipeline.windows
    // Spread over the interval, so that the partitions of a worker do not start together.
    this.#dueAt = performance.now() + (store.partition / partitions) * PASS_EVERY_MS
  }

  /** A call that Redis does not answer is retried at the next interval. */
  async expireWhenDue(token: string): Promise<void> {
    const topic = this.#topics[this.#topic]
    if (topic === undefined || performance.now() < this.#dueAt) return
    try {
      const { next, seen, removed } = await this.#store.ledger.expireCurrent(token, topic.name, {
        retentionMs: topic.retentionMs,
        cursor: this.#cursor,
        count: COUNT,
      })
      this.#cursor = next
      const isPassOver = next === '0' && this.#nextTopic()
      const isHasty = removed > seen * HASTE_SHARE && next !== '0'
      this.#dueAt = performance.now() + (isPassOver ? PASS_EVERY_MS : isHasty ? 0 : CALL_EVERY_MS)
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      this.#dueAt = performance.now() + PASS_EVERY_MS
    }
  }

  /** Returns whether all topics had their turn. */
  #nextTopic(): boolean {
    this.#topic = (this.#topic + 1) % this.#topics.length
    return this.#topic === 0
  }
}
