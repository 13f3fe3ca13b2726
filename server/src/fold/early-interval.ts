/**
 * The intervals of the wall clock, the same for all partitions, in which a window emits early panes; none without a
 * length.
 */
export class EarlyInterval {
  readonly #everyMs: number | undefined
  #number: number | undefined

  constructor(everyMs: number | undefined) {
    this.#everyMs = everyMs
  }

  /** Whether `now` is in another interval than at the last call. */
  enters(now: number): boolean {
    if (this.#everyMs === undefined) return false
    const number = Math.floor(now / this.#everyMs)
    if (number === this.#number) return false
    this.#number = number
    return true
  }
}
