import { CircuitState, ConsecutiveBreaker, type IBackoff, type IBackoffFactory, type IBreaker } from 'cockatiel'

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** Unanswered calls in a row that open it: one is a hiccup, three deadlines are an outage. */
  readonly failures: number
  /**
   * The share of failed calls that opens it too, 0 to 1, once enough calls were seen: a link that loses every other
   * call never fails three times in a row.
   */
  readonly failureShare: number
  /**
   * How long an open breaker refuses calls before it lets one probe through, ms. Up to a quarter is added at random so
   * that processes do not probe together.
   */
  readonly resetMs: number
}

export const BREAKER_LIMITS: BreakerLimits = { failures: 3, failureShare: 0.5, resetMs: 400 }

/** The window in which calls are counted, */
const SAMPLE_SECONDS = 5
/** and the number of calls below which their share of failures says nothing. */
const SAMPLE_MIN_CALLS = 20
const JITTER = 0.25

/** Opens after failures in a row, or on their share. */
export class EitherBreaker implements IBreaker {
  readonly #breakers: readonly IBreaker[]

  constructor({ failures, failureShare }: BreakerLimits) {
    this.#breakers = [new ConsecutiveBreaker(failures), new ShareBreaker(failureShare)]
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
    // No short circuit: each breaker has to count every call.
    return this.#breakers.map((breaker) => breaker.failure(state)).includes(true)
  }
}

interface Second {
  readonly number: number
  calls: number
  failures: number
}

/**
 * Opens when too large a share of recent calls failed. Replaces cockatiel's sampling breaker, which reads the wall
 * clock.
 */
export class ShareBreaker implements IBreaker {
  readonly #share: number
  readonly #now: () => number
  /** Oldest first. */
  #seconds: Second[] = []

  /** @param now of a monotonic clock, ms */
  constructor(share: number, now: () => number = () => performance.now()) {
    this.#share = share
    this.#now = now
  }

  get state(): unknown {
    return this.#seconds
  }

  set state(seconds: unknown) {
    this.#seconds = seconds as Second[]
  }

  success(state: CircuitState): void {
    // Failures from before the breaker opened no longer count.
    if (state === CircuitState.HalfOpen) this.#seconds = []
    this.#current().calls++
  }

  failure(): boolean {
    const current = this.#current()
    current.calls++
    current.failures++
    const calls = this.#seconds.reduce((sum, second) => sum + second.calls, 0)
    const failures = this.#seconds.reduce((sum, second) => sum + second.failures, 0)
    return calls >= SAMPLE_MIN_CALLS && failures > this.#share * calls
  }

  #current(): Second {
    const number = Math.floor(this.#now() / 1_000)
    const last = this.#seconds.at(-1)
    if (last?.number === number) return last
    const current = { number, calls: 0, failures: 0 }
    this.#seconds = [...this.#seconds.filter((second) => second.number > number - SAMPLE_SECONDS), current]
    return current
  }
}

/**
 * How long a breaker stays open, drawn anew each time. cockatiel compares `duration` with the wall clock; here
 * `duration` only says whether the monotonic clock has passed the time.
 */
export class MonotonicReset implements IBackoff<unknown>, IBackoffFactory<unknown> {
  /** The last duration drawn, ms. */
  drawnMs: number
  readonly #resetMs: number
  readonly #random: () => number
  #openedAt = 0

  constructor(resetMs: number, random: () => number = Math.random) {
    this.drawnMs = resetMs
    this.#resetMs = resetMs
    this.#random = random
  }

  /** Called when the breaker opens. */
  next(): this {
    this.#openedAt = performance.now()
    this.drawnMs = Math.round(this.#resetMs * (1 + JITTER * this.#random()))
    return this
  }

  get remainingMs(): number {
    return Math.max(0, Math.ceil(this.#openedAt + this.drawnMs - performance.now()))
  }

  get duration(): number {
    return this.remainingMs > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  }
}
