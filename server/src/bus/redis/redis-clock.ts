import type { Clock } from '../../clock.ts'

/** How often Redis is asked: after a step of its clock, ages are wrong for that long. */
const ASK_EVERY_MS = 1_000
/** Difference between Redis' clock and the monotonic one that counts as a step. */
const TOLERANCE_MS = 500

/** The view that readers need: Redis' time, ms since 1970. */
export type AskTime = () => Promise<number>

/**
 * Redis' clock, the clock of stream ids, as a process knows it: read now and then, and extrapolated by the monotonic
 * clock. It runs evenly while nobody sets Redis' clock, and setting that of the process changes nothing.
 */
export class RedisClock implements Clock {
  readonly #ask: AskTime
  readonly #monotonic: () => number
  /** Redis' time when the monotonic clock was 0; 0 while Redis has not answered. */
  #origin = 0
  #timer: NodeJS.Timeout | undefined
  #isAsking = false

  constructor(ask: AskTime, monotonic: () => number = () => performance.now()) {
    this.#ask = ask
    this.#monotonic = monotonic
  }

  /** MUST be awaited before the clock is read. @throws what reading Redis throws; it is read again all the same */
  async start(): Promise<void> {
    // While Redis is away time still passes.
    this.#timer = setInterval(() => {
      if (!this.#isAsking) this.look().catch(() => {})
    }, ASK_EVERY_MS)
    await this.look()
  }

  /** Whether Redis has answered yet. */
  get isKnown(): boolean {
    return this.#origin !== 0
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

  /** Reads Redis' clock and follows it if it was set. */
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
