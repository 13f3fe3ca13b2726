import { type Counter, CounterHeap, compareCounters } from './counter-heap.ts'

/**
 * The values with the largest sums of weights, by Space-Saving (Metwally, Agrawal and El Abbadi, Efficient computation
 * of frequent and top-k elements in data streams, 2005): a value without a counter takes over the least one, and may
 * have had as much as that before.
 *
 * With `capacity` counters and a total weight `N`, no value of more than `N / capacity` is missing and no count is
 * further off, however often states are merged: Agarwal et al., Mergeable Summaries, 2012, section 3. Exact while there
 * are no more values than counters.
 */
export class SpaceSaving {
  readonly #capacity: number
  readonly #counters = new CounterHeap()

  constructor(capacity: number, counters: readonly Counter[] = []) {
    this.#capacity = capacity
    for (const { value, count, error } of counters) this.#counters.insert(value, count, error)
  }

  /** @param weight above 0. */
  add(value: unknown, weight: number): void {
    if (this.#counters.get(value) !== undefined) {
      this.#counters.increase(value, weight)
      return
    }
    const before = this.#mostMissing
    if (this.#counters.size === this.#capacity) this.#counters.removeLeast()
    this.#counters.insert(value, before + weight, before)
  }

  /** The state over both inputs: a counter that one input lacks may have stood there as high as its least one. */
  merge(other: SpaceSaving): SpaceSaving {
    const merged: Counter[] = []
    const both = new Set<Counter>()
    for (const { value, count, error } of this.#counters) {
      const found = other.#counters.get(value)
      if (found !== undefined) both.add(found)
      const { count: otherCount, error: otherError } = found ?? other.#unseen
      merged.push({ value, count: count + otherCount, error: error + otherError })
    }
    const missing = this.#mostMissing
    for (const counter of other.#counters) {
      if (both.has(counter)) continue
      merged.push({ value: counter.value, count: counter.count + missing, error: counter.error + missing })
    }
    return new SpaceSaving(this.#capacity, merged.sort(compareCounters).slice(0, this.#capacity))
  }

  /** The counter of a value, or how high it may stand without one. */
  of(value: unknown): Pick<Counter, 'count' | 'error'> {
    return this.#counters.get(value) ?? this.#unseen
  }

  /** Largest first. */
  ranked(): Counter[] {
    return [...this.#counters].sort(compareCounters)
  }

  /** The maximum weight of a value without a counter. */
  get #mostMissing(): number {
    return this.#counters.size < this.#capacity ? 0 : this.#counters.least.count
  }

  get #unseen(): Pick<Counter, 'count' | 'error'> {
    return { count: this.#mostMissing, error: this.#mostMissing }
  }
}
