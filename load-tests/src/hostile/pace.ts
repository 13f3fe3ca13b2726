import { pause } from './scenario.ts'

/** Share of one core that hostile clients may take: what they take beyond is not there for the gateway on a small machine. */
export const CPU_SHARE = 0.25
const LOOK_MS = 5

/**
 * Keeps the CPU of this process, system time included, within a share of one core: who attacks over a network brings a
 * machine of their own, and here both share a few cores.
 */
export class Pace {
  readonly #share: number
  readonly #startedAt = performance.now()
  readonly #before = process.cpuUsage()

  constructor(share = CPU_SHARE) {
    this.#share = share
  }

  /** Waits until the process has used no more than its share since the beginning. */
  async keep(): Promise<void> {
    for (;;) {
      const { user, system } = process.cpuUsage(this.#before)
      const allowedMs = (performance.now() - this.#startedAt) * this.#share
      if ((user + system) / 1_000 <= allowedMs) return
      await pause(LOOK_MS)
    }
  }
}
