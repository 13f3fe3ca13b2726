/** Anything that ends at a time which may move, but only forward. */
export interface Ending {
  readonly end: number
}

/**
 * Items by when they end, earliest first: a binary heap. An item whose end has moved stays where it is and is put in
 * its place when it comes up, so that moving an end costs nothing.
 */
export class EndQueue<Item extends Ending> {
  readonly #heap: { readonly end: number; readonly item: Item }[] = []

  /** Whether an item ends at or before `time`, or is behind the times. */
  hasUntil(time: number): boolean {
    const first = this.#heap[0]
    return first !== undefined && first.end <= time
  }

  add(item: Item): void {
    const heap = this.#heap
    const entry = { end: item.end, item }
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.end <= entry.end) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  /** Takes the items that end at or before `time`, earliest first; those for which `isGone` holds are dropped. */
  *takeUntil(time: number, isGone: (item: Item) => boolean): Generator<Item> {
    for (let first = this.#heap[0]; first !== undefined && first.end <= time; first = this.#heap[0]) {
      this.#removeFirst()
      if (isGone(first.item)) continue
      if (first.item.end > first.end) this.add(first.item)
      else yield first.item
    }
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.end < heap[child]!.end) child++
      if (heap[child]!.end >= last.end) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
