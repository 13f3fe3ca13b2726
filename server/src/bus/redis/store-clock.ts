/** Asks Redis for its time, ms since 1970 with fractions. */
export type AskExactTime = () => Promise<number>

const ASK_EVERY_MS = 1_000
/** Answers of which the fastest counts, as in the clock filter of NTP (RFC 5905, section 10). */
const ANSWERS = 8
/** How far the two clocks may run apart within these answers. */
const DRIFT_MS = 5

interface Answer {
  /** Redis' time when the monotonic clock was 0. */
  readonly origin: number
  readonly tookMs: number
}

/**
 * Redis' clock against the monotonic one, for the ages of stored events in fractions of a ms: it is off by at most half of the
 * fastest of the last answers. It follows every step of Redis' clock; what has to run evenly takes `RedisClock`.
 */
export class StoreClock {
  readonly #ask: AskExactTime
  readonly #monotonic: () => number
  #answers: Answer[] = []
  #origin: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ask: AskExactTime, monotonic: () => number = () => performance.now()) {
    this.#ask = ask
    this.#monotonic = monotonic
  }

  start(): void {
    void this.look()
    this.#timer = setInterval(() => void this.look(), ASK_EVERY_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** What the monotonic clock showed at a time of Redis; `undefined` until Redis has answered. */
  monotonicAt(time: number): number | undefined {
    return this.#origin === undefined ? undefined : time - this.#origin
  }

  /** Asks once. While Redis does not answer, what it said before counts. Never rejects. */
  async look(): Promise<void> {
    const askedAt = this.#monotonic()
    const time = await this.#ask().catch(() => undefined)
    if (time === undefined) return
    const tookMs = this.#monotonic() - askedAt
    const answer = { origin: time - askedAt - tookMs / 2, tookMs }
    // Its clock was set: what it said before is of no use.
    if (this.#origin !== undefined && Math.abs(answer.origin - this.#origin) > tookMs + DRIFT_MS) this.#answers = []
    this.#answers = [...this.#answers, answer].slice(-ANSWERS)
    this.#origin = this.#answers.reduce((best, each) => (each.tookMs < best.tookMs ? each : best)).origin
  }
}
