/**
 * Has what comes meanwhile done together, so long after what was done before. Whatever comes when nothing was done for as long is
 * done at the end of the turn of the event loop, together with what else has come in it.
 */
export class Rounds {
  readonly #gapMs: () => number
  readonly #waiting = new Set<() => void>()
  #nextAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  /** @param gapMs time from one round to the next, asked as one begins */
  constructor(gapMs: () => number) {
    this.#gapMs = gapMs
  }

  /** @param action is called once in the next round, unless it is taken back. MUST NOT throw. */
  wait(action: () => void): void {
    this.#waiting.add(action)
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const pauseMs = this.#nextAt - performance.now()
    if (pauseMs > 0) this.#timer = setTimeout(() => this.#begin(), pauseMs)
    else this.#immediate = setImmediate(() => this.#begin())
  }

  takeBack(action: () => void): void {
    this.#waiting.delete(action)
  }

  /** Something was done otherwise: a round for which nobody waits yet begins so long after it. */
  postpone(): void {
    this.#nextAt = performance.now() + this.#gapMs()
  }

  #begin(): void {
    this.#timer = undefined
    this.#immediate = undefined
    this.postpone()
    const due = [...this.#waiting]
    this.#waiting.clear()
    for (const action of due) action()
  }
}
