import type { Accumulator, AggregateSet } from './aggregate-set.ts'

/** A part of a window, in order of time. */
export interface Slice {
  readonly start: number
  readonly accumulator: Accumulator
}

/**
 * The aggregate of a run of slices whose two ends only move forward, in two merges per slice however long the run is:
 * two stacks, the older one holding the aggregate from each slice to its end. Tangwongsan, Hirzel and Schneider,
 * Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time, 2017, section 3.
 */
export class SlidingAggregate {
  readonly #aggregates: AggregateSet
  /** Suffixes of the older part, the oldest slice last. */
  #front: Slice[] = []
  #back: Slice[] = []
  #backTotal: Accumulator

  constructor(aggregates: AggregateSet) {
    this.#aggregates = aggregates
    this.#backTotal = aggregates.create()
  }

  /** Start of the newest slice in the run; -Infinity when it is empty. */
  get last(): number {
    return this.#back.at(-1)?.start ?? this.#front[0]?.start ?? Number.NEGATIVE_INFINITY
  }

  /** Adds the next slice. It MUST NOT change any more. */
  push(slice: Slice): void {
    this.#back.push(slice)
    this.#aggregates.merge(this.#backTotal, slice.accumulator)
  }

  /** Drops the slices that start before `start`. */
  evictBefore(start: number): void {
    while ((this.#front.at(-1)?.start ?? Number.POSITIVE_INFINITY) < start) this.#front.pop()
    if (this.#front.length > 0 || (this.#back[0]?.start ?? Number.POSITIVE_INFINITY) >= start) return
    const kept = this.#back.filter((slice) => slice.start >= start)
    let total: Accumulator | undefined
    for (const slice of kept.reverse()) {
      const suffix = this.#aggregates.create()
      this.#aggregates.merge(suffix, slice.accumulator)
      if (total !== undefined) this.#aggregates.merge(suffix, total)
      total = suffix
      this.#front.push({ start: slice.start, accumulator: suffix })
    }
    this.#back = []
    this.#backTotal = this.#aggregates.create()
  }

  total(): Accumulator {
    const total = this.#aggregates.create()
    const older = this.#front.at(-1)
    if (older !== undefined) this.#aggregates.merge(total, older.accumulator)
    this.#aggregates.merge(total, this.#backTotal)
    return total
  }
}
