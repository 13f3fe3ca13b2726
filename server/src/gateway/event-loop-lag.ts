import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20
const NS_PER_MS = 1e6

/** Delay of the event loop. */
export class EventLoopLag {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  start(): void {
    this.#delays.enable()
  }

  stop(): void {
    this.#delays.disable()
  }

  /** Mean since the last call, ms. */
  takeMs(): number {
    // Intervals between samples, which equal the resolution when nothing is late.
    const lagMs = this.#delays.count === 0 ? 0 : this.#delays.mean / NS_PER_MS - RESOLUTION_MS
    this.#delays.reset()
    return Math.max(0, lagMs)
  }
}
