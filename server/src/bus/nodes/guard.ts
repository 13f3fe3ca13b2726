import { BrokenCircuitError, type CircuitBreakerPolicy, CircuitState, circuitBreaker, handleWhen } from 'cockatiel'
import { connectionFault } from '../connection-fault.ts'
import { AnswerTooSlow, withDeadline } from '../deadline.ts'
import { BusFull, BusUnavailable, MEMORY_FULL } from '../errors.ts'
import { BLOCK_MS, COMMAND_DEADLINE_MS } from '../redis/connection.ts'
import { isForbidden, isFull, isNotSent, isOutage, isRefusal } from '../redis/outage.ts'
import { BREAKER_LIMITS, type BreakerLimits, EitherBreaker, MonotonicReset } from './breaker.ts'

/** Operation classes with a breaker each: a slow query must not stop publishing. */
export type BusClass = 'append' | 'commit' | 'tail' | 'query' | 'jobs'

/**
 * How long a call may take before it fails as unanswered, ms. Publishers get the shortest deadline: they resend, which
 * is safe. A blocking read adds its own wait.
 */
export const DEADLINES_MS: Readonly<Record<BusClass, number>> = {
  append: 180,
  commit: COMMAND_DEADLINE_MS,
  tail: BLOCK_MS + 400,
  query: COMMAND_DEADLINE_MS,
  jobs: COMMAND_DEADLINE_MS,
}

/** For this long after the reset a regular call may be the probe: it shows more than our own. */
const PROBE_GRACE_MS = 50

export interface GuardState {
  readonly class: BusClass
  /** The node of a cluster that the calls go to; absent where there is one Redis. */
  readonly node?: string
  readonly state: 'closed' | 'half_open' | 'open'
  /** When the state was entered, ms since 1970. */
  readonly since: number
  /** When a retry may help, ms; 0 while calls are let through. */
  readonly retryAfterMs: number
  /** Why the last call failed that counts, in plain words; absent while it is closed. */
  readonly why?: string
}

/** What a breaker that is not closed means, in a sentence. */
export function breakerFault({ class: busClass, node, why }: GuardState): string {
  return `calls of ${busClass} to ${node ?? 'Redis'} fail${why === undefined ? '' : `: ${why}`}`
}

/** Those of classes that no node of a cluster serves now; where there is one Redis, all that are not closed. */
export function closedNowhere(states: readonly GuardState[]): GuardState[] {
  const served = new Set(states.filter(({ state }) => state === 'closed').map(({ class: busClass }) => busClass))
  return states.filter(({ class: busClass }) => !served.has(busClass))
}

export interface GuardOptions {
  readonly node?: string
  readonly limits?: BreakerLimits
  /** In place of the deadline of the class. */
  readonly deadlineMs?: number
  readonly onChange?: (state: GuardState) => void
  /**
   * Sends Redis a command of the class. While the breaker is open it is called whenever no other call comes; without
   * it, never.
   */
  readonly probe?: () => Promise<unknown>
}

export interface CallOptions {
  /** Bytes received over the call's connection: an answer that is large and late is no outage. */
  readonly receivedBytes?: () => number
}

/**
 * Deadline and breaker around the Redis calls of one operation class. Only outages open the breaker: no answer in time,
 * or an answer that Redis cannot serve. Every other error passes through, whether Redis sent it or the code around the
 * call threw it.
 */
export class Guard {
  /** How long a call may take, ms. */
  readonly deadlineMs: number
  readonly #class: BusClass
  readonly #node: { readonly node?: string }
  readonly #policy: CircuitBreakerPolicy
  readonly #reset: MonotonicReset
  readonly #probe: GuardOptions['probe']
  #since = Date.now()
  #why = ''
  /** When a failure was last counted, `performance.now()`. */
  #failedAt = Number.NEGATIVE_INFINITY
  #probing: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(
    busClass: BusClass,
    { node, limits = BREAKER_LIMITS, deadlineMs = DEADLINES_MS[busClass], onChange, probe }: GuardOptions = {},
  ) {
    this.#class = busClass
    this.#node = node === undefined ? {} : { node }
    this.deadlineMs = deadlineMs
    this.#probe = probe
    this.#reset = new MonotonicReset(limits.resetMs)
    this.#policy = circuitBreaker(
      handleWhen((error) => !(error instanceof Uncounted)),
      { halfOpenAfter: this.#reset, breaker: new EitherBreaker(limits) },
    )
    this.#policy.onStateChange((state) => {
      this.#since = Date.now()
      if (state === CircuitState.Open) this.#opened()
      onChange?.(this.state)
    })
  }

  get state(): GuardState {
    return {
      class: this.#class,
      ...this.#node,
      state: STATE_NAMES[this.#policy.state],
      since: this.#since,
      retryAfterMs: this.retryAfterMs,
      ...(this.#policy.state !== CircuitState.Closed && { why: this.#why }),
    }
  }

  /**
   * When a caller may try again; 0 while calls are let through, that is while the breaker is closed or due for a probe.
   * During a probe `run` waits for its outcome; callers that must not wait check this first.
   */
  get retryAfterMs(): number {
    switch (this.#policy.state) {
      case CircuitState.Open:
        return this.#reset.remainingMs
      case CircuitState.HalfOpen:
        return this.deadlineMs
      default:
        return 0
    }
  }

  /**
   * Runs one call.
   *
   * @throws BusUnavailable after an outage, or at once while the breaker is open; BusFull; any other error as it is.
   */
  async run<T>(call: () => Promise<T>, options: CallOptions = {}): Promise<T> {
    let outcome: Outcome<T>
    try {
      outcome = await this.#policy.execute(() => this.#outcomeOf(call, options))
    } catch (raised) {
      if (raised instanceof BrokenCircuitError)
        throw new BusUnavailable('not_sent', this.retryAfterMs, raised, `calls are held back: ${this.#why}`)
      const error = raised instanceof Uncounted ? raised.cause : raised
      throw isOutage(error) ? this.#unavailable(error) : error
    }
    if (outcome.kind === 'answer') return outcome.answer
    const { error } = outcome
    if (error instanceof AnswerTooSlow || isForbidden(error)) throw this.#unavailable(error)
    throw isFull(error) ? new BusFull(MEMORY_FULL) : error
  }

  /** Stops probing. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#probing)
  }

  #opened(): void {
    clearTimeout(this.#probing)
    const probe = this.#probe
    if (probe === undefined || this.#isClosed) return
    this.#probing = setTimeout(() => {
      // The breaker reacts to the outcome.
      if (this.#policy.state === CircuitState.Open) this.run(probe).catch(() => {})
    }, this.#reset.remainingMs + PROBE_GRACE_MS)
    this.#probing.unref()
  }

  /**
   * The part of a call's outcome that the breaker counts. Any answer shows that Redis serves. Parallel calls fail
   * together and count as one failure. Our own errors do not count, but a probe that ends with one has not shown that
   * Redis is back.
   *
   * @throws Uncounted, or an error that counts as a failure
   */
  async #outcomeOf<T>(call: () => Promise<T>, { receivedBytes }: CallOptions): Promise<Outcome<T>> {
    const isProbe = this.#policy.state !== CircuitState.Closed
    const startedAt = performance.now()
    try {
      return { kind: 'answer', answer: await withDeadline(this.deadlineMs, call(), receivedBytes) }
    } catch (error) {
      if (error instanceof Error && (error instanceof AnswerTooSlow || isRefusal(error)))
        return { kind: 'error', error }
      const counts = isProbe || (isOutage(error) && startedAt >= this.#failedAt)
      if (!counts) throw new Uncounted(error)
      this.#failedAt = performance.now()
      this.#why = whyOf(error)
      throw error
    }
  }

  #unavailable(error: unknown): BusUnavailable {
    return new BusUnavailable(isNotSent(error) ? 'not_sent' : 'unknown', this.#reset.drawnMs, error, whyOf(error))
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.name === 'ReplyError' ? connectionFault(error).why : error.message
}

/** `error`: Redis refused the command, or `AnswerTooSlow`. */
type Outcome<T> = { readonly kind: 'answer'; readonly answer: T } | { readonly kind: 'error'; readonly error: Error }

/** Wraps an error that says nothing about Redis, or nothing new. */
class Uncounted extends Error {
  constructor(cause: unknown) {
    super('', { cause })
  }
}

const STATE_NAMES: Record<CircuitState, GuardState['state']> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
}
