import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'

const RESOLUTION_MS = 20
const NS_PER_MS = 1e6

/** Delay and load of the event loop. */
export class EventLoopLag {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #used = performance.eventLoopUtilization()

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

  /** Part of the time since the last call in which the loop worked, 0 to 1. */
  takeUtilization(): number {
    const used = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(used, this.#used)
    this.#used = used
    return utilization
  }
}
