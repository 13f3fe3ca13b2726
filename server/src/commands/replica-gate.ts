import { setTimeout as sleep } from 'node:timers/promises'
import { type Bus, BusUnavailable } from '../bus/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'

/** Pause after a call that failed and that no breaker times. */
const RETRY_MS = 100

/**
 * Holds back what was read until as many replicas as are required have it. Replication is one stream: replicas that have something
 * written later have everything before it, whoever wrote that.
 */
export class ReplicaGate {
  readonly #bus: Bus
  readonly #replicas: number
  readonly #report: ReportDefect
  /** By partition: what waits, while a call is under way. */
  readonly #waiting = new Map<number, (() => void)[]>()
  #closed = false

  /** @param replicas 0: nothing is held back */
  constructor(bus: Bus, replicas: number, report: ReportDefect) {
    this.#bus = bus
    this.#replicas = replicas
    this.#report = withoutRepeats(report)
  }

  /** Calls it once the replicas have what is stored now, in the order of the calls for the partition. */
  release(partition: number, action: () => void): void {
    if (this.#replicas === 0) return action()
    const waiting = this.#waiting.get(partition)
    if (waiting !== undefined) waiting.push(action)
    else {
      this.#waiting.set(partition, [action])
      void this.#run(partition)
    }
  }

  /** Resolves once the replicas have what is stored now. @throws BusUnavailable when too few have it in time */
  async confirm(partition: number): Promise<void> {
    if (this.#replicas > 0) await this.#bus.log(partition, 'append').replicated(this.#replicas)
  }

  close(): void {
    this.#closed = true
  }

  async #run(partition: number): Promise<void> {
    const waiting = this.#waiting.get(partition)!
    while (!this.#closed && waiting.length > 0) {
      // The call may not cover outcomes that come during it.
      const count = waiting.length
      try {
        await this.confirm(partition)
        for (const action of waiting.splice(0, count)) action()
      } catch (error) {
        if (!(error instanceof BusUnavailable)) this.#report(`replicas of partition ${partition}`, error)
        await sleep((error instanceof BusUnavailable && error.retryAfterMs) || RETRY_MS)
      }
    }
    this.#waiting.delete(partition)
  }
}
