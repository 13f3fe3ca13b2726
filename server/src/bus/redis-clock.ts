import type { Clock } from '../clock.ts'

/** How often Redis is asked: as long as after a step of its clock ages are wrong. */
const ASK_EVERY_MS = 1_000
/** What Redis' clock and the monotonic one may differ by before it counts as a step. */
const TOLERANCE_MS = 500

/** What is needed of it: Redis' time, ms since 1970. */
export type AskTime = () => Promise<number>

/**
 * Redis' clock as a process knows it, which is that of stream ids: asked now and then, and carried on by the monotonic clock
 * between. So it is even where nobody sets Redis' clock, and setting that of the process changes nothing.
 */
export class RedisClock implements Clock {
  readonly #ask: AskTime
  readonly #monotonic: () => number
  /** Redis' time when the monotonic clock was 0. */
  #origin = 0
  #timer: NodeJS.Timeout | undefined
  #isAsking = false

  constructor(ask: AskTime, monotonic: () => number = () => performance.now()) {
    this.#ask = ask
    this.#monotonic = monotonic
  }

  /** MUST be awaited before it is read. @throws what asking Redis throws */
  async start(): Promise<void> {
    await this.look()
    // While Redis is away time passes all the same.
    this.#timer = setInterval(() => {
      if (!this.#isAsking) this.look().catch(() => {})
    }, ASK_EVERY_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  now(): number {
    return Math.round(this.#origin + this.#monotonic())
  }

  monotonic(): number {
    return this.#monotonic()
  }

  /** Asks Redis, and follows it if its clock was set. */
  async look(): Promise<void> {
    this.#isAsking = true
    try {
      const askedAt = this.#monotonic()
      const time = await this.#ask()
      const uncertainMs = (this.#monotonic() - askedAt) / 2
      const origin = time - askedAt - uncertainMs
      if (Math.abs(origin - this.#origin) > TOLERANCE_MS + uncertainMs) this.#origin = origin
    } finally {
      this.#isAsking = false
    }
  }
}
