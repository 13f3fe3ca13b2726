import { BrokenCircuitError, type CircuitBreakerPolicy, CircuitState, circuitBreaker, handleWhen } from 'cockatiel'
import { BREAKER_LIMITS, type BreakerLimits, EitherBreaker, JitteredReset } from './breaker.ts'
import { BusFull, BusUnavailable } from './errors.ts'

/** Operation classes with a breaker each: a slow query must not stop publishing. */
export type BusClass = 'append' | 'commit' | 'tail' | 'query' | 'jobs'

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
  readonly onChange?: (state: GuardState) => void
}

/**
 * Breaker around the Redis calls of one operation class. Replies of Redis that are errors of the call itself
 * (WRONGTYPE ...) pass through and never open it; refusals and silence do. The deadline lies in the connection.
 */
export class Guard {
  readonly #class: BusClass
  readonly #policy: CircuitBreakerPolicy
  readonly #reset: JitteredReset
  #since = Date.now()

  constructor(busClass: BusClass, { limits = BREAKER_LIMITS, onChange }: GuardOptions = {}) {
    this.#class = busClass
    this.#reset = new JitteredReset(limits.resetMs)
    this.#policy = circuitBreaker(
      handleWhen((error) => !isReplyError(error)),
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

  /** When a caller may try again, or 0 while calls are let through: closed, or due for a probe. */
  get retryAfterMs(): number {
    return this.#policy.state === CircuitState.Open ? Math.max(0, this.#since + this.#reset.duration - Date.now()) : 0
  }

  /** Runs one call. Throws `BusUnavailable`, `BusFull`, or the reply error of Redis. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#policy.execute(call)
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw new BusUnavailable('not_sent', this.retryAfterMs, error)
      if (isReplyError(error)) {
        if (/^OOM |^-OOM|command not allowed when used memory/.test(error.message)) throw new BusFull(error.message)
        throw error
      }
      throw new BusUnavailable(isNotSent(error) ? 'not_sent' : 'unknown', this.#reset.duration, error)
    }
  }
}

const STATE_NAMES: Record<CircuitState, GuardState['state']> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
}

function isReplyError(error: unknown): error is Error {
  return (
    error instanceof Error && error.name === 'ReplyError' && !/^(LOADING|READONLY|MASTERDOWN|BUSY) /.test(error.message)
  )
}

/** ioredis refuses a command with this text before writing it when the connection is not ready. */
function isNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}
