import { setTimeout as sleep } from 'node:timers/promises'
import { type Bus, BusUnavailable } from '../bus/index.ts'
import type { Limits } from '../limits/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'

/** Pause after a call that failed and that no breaker times. */
const RETRY_MS = 100

interface Held {
  readonly bytes: number
  readonly action: () => void
}

/**
 * Holds back what was read until as many replicas as are required have it. Replication is one stream: replicas that have something
 * written later have everything before it, whoever wrote that.
 */
export class ReplicaGate {
  readonly #bus: Pick<Bus, 'log'>
  readonly #replicas: number
  readonly #report: ReportDefect
  readonly #limits: Pick<Limits, 'hold' | 'release'> | undefined
  /** By partition: what waits, while a call is under way. */
  readonly #waiting = new Map<number, Held[]>()
  #closed = false

  /** @param replicas 0: nothing is held back @param limits have room for what is; absent: as much as comes */
  constructor(
    bus: Pick<Bus, 'log'>,
    replicas: number,
    report: ReportDefect,
    limits?: Pick<Limits, 'hold' | 'release'>,
  ) {
    this.#bus = bus
    this.#replicas = replicas
    this.#report = withoutRepeats(report)
    this.#limits = limits
  }

  /**
   * Calls it once the replicas have what is stored now, in the order of the calls for the partition.
   *
   * @param bytes that it keeps until then @returns false where there is no room for them: then it is never called
   */
  release(partition: number, bytes: number, action: () => void): boolean {
    if (this.#replicas === 0) {
      action()
      return true
    }
    if (this.#limits?.hold('commandBytes', bytes) !== undefined) return false
    const waiting = this.#waiting.get(partition)
    if (waiting !== undefined) waiting.push({ bytes, action })
    else {
      this.#waiting.set(partition, [{ bytes, action }])
      void this.#run(partition)
    }
    return true
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
        for (const { bytes, action } of waiting.splice(0, count)) {
          this.#limits?.release('commandBytes', bytes)
          action()
        }
      } catch (error) {
        if (!(error instanceof BusUnavailable)) this.#report(`replicas of partition ${partition}`, error)
        await sleep((error instanceof BusUnavailable && error.retryAfterMs) || RETRY_MS)
      }
    }
    this.#waiting.delete(partition)
  }
}
