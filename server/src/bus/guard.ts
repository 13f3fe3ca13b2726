import { BrokenCircuitError, type CircuitBreakerPolicy, CircuitState, circuitBreaker, handleWhen } from 'cockatiel'
import { BREAKER_LIMITS, type BreakerLimits, EitherBreaker, JitteredReset } from './breaker.ts'
import { BLOCK_MS, COMMAND_DEADLINE_MS } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { BusFull, BusUnavailable } from './errors.ts'

/** Operation classes with a breaker each: a slow query must not stop publishing. */
export type BusClass = 'append' | 'commit' | 'tail' | 'query' | 'jobs'

/**
 * How long a call may take before its caller is told that Redis does not answer, ms. Publishers are told soonest: what they do
 * with it, sending it again, is safe. A blocking read has its own time on top.
 */
export const DEADLINES_MS: Readonly<Record<BusClass, number>> = {
  append: 180,
  commit: COMMAND_DEADLINE_MS,
  tail: BLOCK_MS + 400,
  query: COMMAND_DEADLINE_MS,
  jobs: COMMAND_DEADLINE_MS,
}

export interface GuardState {
  readonly class: BusClass
  readonly state: 'closed' | 'half_open' | 'open'
  /** When the state was entered, ms since 1970. */
  readonly since: number
  /** When trying again may help; 0 while calls are let through. */
  readonly retryAfterMs: number
}

export interface GuardOptions {
  readonly limits?: BreakerLimits
  /** In place of that of the class. */
  readonly deadlineMs?: number
  readonly onChange?: (state: GuardState) => void
}

/**
 * Deadline and breaker around the Redis calls of one operation class. Replies of Redis that are errors of the call itself
 * (WRONGTYPE ...) pass through and never open it; refusals and silence do.
 */
export class Guard {
  readonly #class: BusClass
  readonly #policy: CircuitBreakerPolicy
  readonly #reset: JitteredReset
  readonly #deadlineMs: number
  #since = Date.now()
  /** When a failure was counted last, `performance.now()`. */
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(
    busClass: BusClass,
    { limits = BREAKER_LIMITS, deadlineMs = DEADLINES_MS[busClass], onChange }: GuardOptions = {},
  ) {
    this.#class = busClass
    this.#deadlineMs = deadlineMs
    this.#reset = new JitteredReset(limits.resetMs)
    this.#policy = circuitBreaker(
      handleWhen((error) => !(isReplyError(error) || isSameStall(error))),
      { halfOpenAfter: this.#reset, breaker: new EitherBreaker(limits) },
    )
    this.#policy.onStateChange(() => {
      this.#since = Date.now()
      onChange?.(this.state)
    })
  }

  get state(): GuardState {
    return {
      class: this.#class,
      state: STATE_NAMES[this.#policy.state],
      since: this.#since,
      retryAfterMs: this.retryAfterMs,
    }
  }

  /**
   * When a caller may try again, or 0 while calls are let through: closed, or due for a probe. While one is under way `run` waits
   * for how it ends; who must not wait asks here.
   */
  get retryAfterMs(): number {
    switch (this.#policy.state) {
      case CircuitState.Open:
        return Math.max(0, this.#since + this.#reset.duration - Date.now())
      case CircuitState.HalfOpen:
        return this.#deadlineMs
      default:
        return 0
    }
  }

  /** Runs one call. Throws `BusUnavailable`, `BusFull`, or the reply error of Redis. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#policy.execute(() => this.#counted(call))
    } catch (raised) {
      const error = isSameStall(raised) ? raised.cause : raised
      if (error instanceof BrokenCircuitError) throw new BusUnavailable('not_sent', this.retryAfterMs, error)
      if (isReplyError(error)) {
        if (/^OOM |^-OOM|command not allowed when used memory/.test(error.message)) throw new BusFull(error.message)
        throw error
      }
      throw new BusUnavailable(isNotSent(error) ? 'not_sent' : 'unknown', this.#reset.duration, error)
    }
  }

  /** Calls that run side by side fail together: that is one failure. A probe always counts. */
  async #counted<T>(call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    try {
      return await withDeadline(this.#deadlineMs, call())
    } catch (error) {
      if (isReplyError(error)) throw error
      if (this.#policy.state === CircuitState.Closed && startedAt < this.#failedAt) throw new SameStall(error)
      this.#failedAt = performance.now()
      throw error
    }
  }
}

/** A call failed that was under way already when another one did: both may have met the same moment. */
class SameStall extends Error {
  constructor(cause: unknown) {
    super('', { cause })
  }
}

function isSameStall(error: unknown): error is SameStall {
  return error instanceof SameStall
}

const STATE_NAMES: Record<CircuitState, GuardState['state']> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
}

function isReplyError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    error.name === 'ReplyError' &&
    !/^(LOADING|READONLY|MASTERDOWN|MISCONF|NOREPLICAS|BUSY) /.test(error.message)
  )
}

/** ioredis refuses a command with this text before writing it when the connection is not ready. */
function isNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}
