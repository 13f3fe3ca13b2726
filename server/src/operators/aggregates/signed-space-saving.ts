import { type Counter, compareCounters } from './counter-heap.ts'
import { SpaceSaving } from './space-saving.ts'

/** A net sum below this share of what was added is the rounding of sums that cancel each other out. */
const ROUNDING = 1e-12

/**
 * The values with the largest sums of weights of either sign, such as sales and refunds: what is added and what is taken
 * away are counted apart, because Space-Saving holds for sums that only grow. With `N` the sum of all weights without
 * their signs, no net sum is further off than `N / capacity`.
 */
export class SignedSpaceSaving {
  readonly #capacity: number
  #added: SpaceSaving
  /** Absent while nothing was taken away. */
  #taken: SpaceSaving | undefined

  constructor(capacity: number, added: readonly Counter[] = [], taken: readonly Counter[] = []) {
    this.#capacity = capacity
    this.#added = new SpaceSaving(capacity, added)
    if (taken.length > 0) this.#taken = new SpaceSaving(capacity, taken)
  }

  add(value: unknown, weight: number): void {
    if (weight > 0) this.#added.add(value, weight)
    else if (weight < 0) {
      this.#taken ??= new SpaceSaving(this.#capacity)
      this.#taken.add(value, -weight)
    }
  }

  /** Adds everything in another one, and shares nothing with it. */
  merge(other: SignedSpaceSaving): this {
    this.#added = this.#added.merge(other.#added)
    if (other.#taken === undefined) return this
    this.#taken = (this.#taken ?? new SpaceSaving(this.#capacity)).merge(other.#taken)
    return this
  }

  /** Values with a sum above 0, largest first. A sum is at most `count`, and at least `count - error`. */
  ranked(): Counter[] {
    const taken = this.#taken
    if (taken === undefined) return this.#added.ranked()
    const net = this.#added.ranked().map(({ value, count, error }) => {
      const { count: most, error: doubt } = taken.of(value)
      return {
        value,
        count: count - (most - doubt),
        error: error + doubt,
        isLeft: count - (most - doubt) > count * ROUNDING,
      }
    })
    return net
      .filter(({ isLeft }) => isLeft)
      .map(({ value, count, error }) => ({ value, count, error }))
      .sort(compareCounters)
  }

  get added(): readonly Counter[] {
    return this.#added.ranked()
  }

  get taken(): readonly Counter[] {
    return this.#taken?.ranked() ?? []
  }
}
