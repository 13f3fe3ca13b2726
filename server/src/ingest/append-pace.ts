/**
 * Time from one round of calls to the next: as long as a call takes, within limits. An idle log does not wait, and rounds become
 * rarer, and calls larger, as Redis and this process have more to do.
 */
const MIN_GAP_MS = 1
const MAX_GAP_MS = 20
/** Weight of the newest call in the moving average of call times. */
const CALL_TIME_WEIGHT = 0.2

/**
 * When the appends of a process leave. Those of all partitions leave together: the write to Redis, the read of its answers and the
 * writes to clients cost more than a call itself.
 */
export class AppendPace {
  readonly #waiting = new Set<() => void>()
  #callMs = MIN_GAP_MS
  #nextAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  /** Average duration of a call, ms. */
  get callMs(): number {
    return this.#callMs
  }

  /** A call was answered after this time. */
  called(ms: number): void {
    this.#callMs += CALL_TIME_WEIGHT * (ms - this.#callMs)
  }

  /** @param send is called once in the next round, unless it is taken back. */
  wait(send: () => void): void {
    this.#waiting.add(send)
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const pauseMs = this.#nextAt - performance.now()
    if (pauseMs > 0) this.#timer = setTimeout(() => this.#round(), pauseMs)
    // Not at once: what else comes with this turn of the event loop goes along.
    else this.#immediate = setImmediate(() => this.#round())
  }

  /** It has been sent otherwise. */
  takeBack(send: () => void): void {
    this.#waiting.delete(send)
  }

  #round(): void {
    this.#timer = undefined
    this.#immediate = undefined
    this.#nextAt = performance.now() + Math.min(MAX_GAP_MS, Math.max(MIN_GAP_MS, this.#callMs))
    const due = [...this.#waiting]
    this.#waiting.clear()
    for (const send of due) send()
  }
}
