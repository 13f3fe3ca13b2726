/** How many spans a second a process may record: what is saved up in a second may come at once. */
export class SpanBudget {
  readonly #perSecond: number
  #left: number
  #at: number
  #dropped = 0

  /** @param now ms of a monotonic clock */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#at = now
  }

  /** Whether one more may be recorded. Otherwise it counts as dropped. */
  hasRoom(now: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) / 1_000) * this.#perSecond)
    this.#at = now
    if (this.#left >= 1) return true
    this.#dropped++
    return false
  }

  /** One was recorded. */
  spend(): void {
    this.#left--
  }

  /** Spans that were not recorded since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }
}
