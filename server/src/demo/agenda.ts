/** Future items by time; items of the same time come in the order they were added. A binary heap. */
export class Agenda<Item> {
  readonly #heap: Entry<Item>[] = []
  #added = 0

  add(atMs: number, item: Item): void {
    const entry = { atMs, order: this.#added++, item }
    let at = this.#heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, this.#heap[parent]!)) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = entry
  }

  /** Takes the earliest item; `undefined` when there is none. */
  next(): { readonly atMs: number; readonly item: Item } | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) this.#sink(last)
    return first
  }

  #sink(entry: Entry<Item>): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, entry)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = entry
  }
}

interface Entry<Item> {
  readonly atMs: number
  readonly order: number
  readonly item: Item
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
