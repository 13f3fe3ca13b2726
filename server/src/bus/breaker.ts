import { type CircuitState, ConsecutiveBreaker, type IBackoffFactory, type IBreaker, SamplingBreaker } from 'cockatiel'

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** Unanswered calls in a row that open it: one is a hiccup, three deadlines are an outage. */
  readonly failures: number
  /** Or this share of the calls of the last seconds, 0 to 1, if there were enough: a link that loses every other call never fails thrice in a row. */
  readonly failureShare: number
  /** How long an open breaker refuses before it lets one probe through, ms. A quarter more at most, so that not all probe at once. */
  readonly resetMs: number
}

export const BREAKER_LIMITS: BreakerLimits = { failures: 3, failureShare: 0.5, resetMs: 400 }

/** Calls are looked at for this long, */
const SAMPLE_MS = 5_000
/** and below this rate their share of failures says nothing. */
const SAMPLE_MIN_PER_SEC = 4
const JITTER = 0.25

/** Opens by failures in a row, or by their share. */
export class EitherBreaker implements IBreaker {
  readonly #breakers: readonly IBreaker[]

  constructor({ failures, failureShare }: BreakerLimits) {
    this.#breakers = [
      new ConsecutiveBreaker(failures),
      new SamplingBreaker({ threshold: failureShare, duration: SAMPLE_MS, minimumRps: SAMPLE_MIN_PER_SEC }),
    ]
  }

  get state(): unknown {
    return this.#breakers.map((breaker) => breaker.state)
  }

  set state(states: unknown) {
    for (const [i, state] of (states as unknown[]).entries()) this.#breakers[i]!.state = state
  }

  success(state: CircuitState): void {
    for (const breaker of this.#breakers) breaker.success(state)
  }

  failure(state: CircuitState): boolean {
    // All of them, whichever opens: each has to know of every call.
    return this.#breakers.map((breaker) => breaker.failure(state)).includes(true)
  }
}

/** Draws anew how long a breaker stays open, each time it opens. */
export class JitteredReset implements IBackoffFactory<unknown> {
  /** The last one drawn, ms. */
  duration: number
  readonly #resetMs: number
  readonly #random: () => number

  constructor(resetMs: number, random: () => number = Math.random) {
    this.duration = resetMs
    this.#resetMs = resetMs
    this.#random = random
  }

  next(): this {
    this.duration = Math.round(this.#resetMs * (1 + JITTER * this.#random()))
    return this
  }
}
