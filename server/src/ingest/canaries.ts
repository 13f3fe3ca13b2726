import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bus, BusFull, BusUnavailable, CANARY_EVERY_MS } from '../bus/index.ts'
import { describeDefect, type ReportDefect, withoutRepeats } from '../observability/defects.ts'

/** After a failure that opened no breaker: soon enough to tell a hiccup from an outage. */
const RECHECK_MS = 50

/**
 * Keeps the canary log of every partition fresh, along the path and through the breaker of publishes. A hanging Redis
 * is noticed and a recovered one is tried whether or not anybody publishes, and tails see that written entries arrive.
 */
export class Canaries {
  readonly #send: (partition: number) => Promise<void>
  readonly #bus: Bus
  readonly #report: ReportDefect
  readonly #closing = new AbortController()
  /** Partition -> why the last one could not be sent. */
  readonly #failures = new Map<number, string>()

  /** @param send sends a canary to a partition, and rejects if it was not stored. */
  constructor(send: (partition: number) => Promise<void>, bus: Bus, report: ReportDefect) {
    this.#send = send
    this.#bus = bus
    this.#report = report
    // Every partition waits with it, which Node takes for a leak.
    setMaxListeners(0, this.#closing.signal)
  }

  start(): void {
    for (let partition = 0; partition < this.#bus.partitions; partition++) void this.#run(partition)
  }

  close(): void {
    this.#closing.abort()
  }

  /** Why the last canary of a partition was not stored, if so. */
  failure(partition: number): string | undefined {
    return this.#failures.get(partition)
  }

  async #run(partition: number): Promise<void> {
    const { signal } = this.#closing
    const report = withoutRepeats(this.#report)
    while (!signal.aborted) {
      let nextMs = CANARY_EVERY_MS
      try {
        await this.#send(partition)
        this.#failures.delete(partition)
      } catch (error) {
        const isForeseen = error instanceof BusUnavailable || error instanceof BusFull
        const why = isForeseen ? error.message : describeDefect(report(`a canary of partition ${partition}`, error))
        this.#failures.set(partition, why)
        // As soon as the breaker lets one call through, which is how it closes.
        if (error instanceof BusUnavailable) nextMs = this.#bus.retryAfterMs('append', partition) || RECHECK_MS
      }
      await sleep(nextMs, undefined, { signal }).catch(() => {})
    }
  }
}
