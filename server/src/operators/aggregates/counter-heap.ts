import { compareValues } from './compare-values.ts'

/** How often a value was seen: at most `count`, and at least `count - error`. */
export interface Counter {
  readonly value: unknown
  count: number
  error: number
}

interface Placed extends Counter {
  at: number
}

/** Counters by value: a binary heap that knows each counter's place, with the least one on top. */
export class CounterHeap {
  readonly #byKey = new Map<unknown, Placed>()
  readonly #heap: Placed[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The counter that ranks last, of at least one. */
  get least(): Counter {
    return this.#heap[0]!
  }

  get(value: unknown): Counter | undefined {
    return this.#byKey.get(keyOf(value))
  }

  [Symbol.iterator](): Iterator<Counter> {
    return this.#heap.values()
  }

  /** Adds a counter for a value that has none. */
  insert(value: unknown, count: number, error: number): void {
    const counter = { value, count, error, at: this.#heap.length }
    this.#byKey.set(keyOf(value), counter)
    this.#heap.push(counter)
    while (counter.at > 0) {
      const parent = this.#heap[(counter.at - 1) >> 1]!
      if (compareCounters(parent, counter) > 0) return
      this.#swap(parent, counter)
    }
  }

  increase(value: unknown, count: number): void {
    const counter = this.#byKey.get(keyOf(value))!
    counter.count += count
    this.#sink(counter)
  }

  removeLeast(): void {
    const least = this.#heap[0]!
    const moved = this.#heap.pop()!
    this.#byKey.delete(keyOf(least.value))
    if (moved === least) return
    this.#heap[0] = moved
    moved.at = 0
    this.#sink(moved)
  }

  #sink(counter: Placed): void {
    for (;;) {
      const left = this.#heap[2 * counter.at + 1]
      const right = this.#heap[2 * counter.at + 2]
      const child = right === undefined || (left !== undefined && compareCounters(left, right) > 0) ? left : right
      if (child === undefined || compareCounters(counter, child) > 0) return
      this.#swap(counter, child)
    }
  }

  #swap(a: Placed, b: Placed): void {
    const at = a.at
    a.at = b.at
    b.at = at
    this.#heap[a.at] = a
    this.#heap[b.at] = b
  }
}

/** Orders by larger count, then by smaller error, then by lesser value: never equal for two values. */
export function compareCounters(a: Counter, b: Counter): number {
  return b.count - a.count || a.error - b.error || compareValues(a.value, b.value)
}

/** Objects are distinguished by their JSON text, behind a character that keeps them apart from strings. */
function keyOf(value: unknown): unknown {
  return typeof value === 'object' ? `\0${JSON.stringify(value)}` : value
}
