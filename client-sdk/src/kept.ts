/**
 * What was stored in the last seconds is kept, up to this many bytes, in case Redis loses it: with `appendfsync everysec`
 * it may lose about a second.
 */
const KEPT_MS = 5_000
const KEPT_BYTES = 4 * 1_024 * 1_024

interface Entry<Item> {
  readonly item: Item
  readonly bytes: number
  readonly storedAt: number
  /** Partition -> epoch under which it was stored. */
  readonly epochs: ReadonlyMap<number, string>
}

/** What the server has stored recently, in the order in which it said so. Pure: time is ms of a monotonic clock. */
export class Kept<Item> {
  readonly #entries: Entry<Item>[] = []
  #bytes = 0

  /** @returns what is no longer kept */
  add(item: Item, bytes: number, epochs: ReadonlyMap<number, string>, now: number): readonly Item[] {
    this.#entries.push({ item, bytes, storedAt: now, epochs })
    this.#bytes += bytes
    const dropped: Item[] = []
    while (this.#bytes > KEPT_BYTES || this.#entries[0]!.storedAt < now - KEPT_MS) {
      const entry = this.#entries.shift()!
      this.#bytes -= entry.bytes
      dropped.push(entry.item)
    }
    return dropped
  }

  /** Partition -> epoch of the newest item stored there. */
  get epochs(): ReadonlyMap<number, string> {
    return new Map(this.#entries.flatMap(({ epochs }) => [...epochs]))
  }

  /** Hands over what was stored under another epoch of the partition: it may be lost. */
  take(partition: number, epoch: string): Item[] {
    const taken: Item[] = []
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const { item, bytes, epochs } = this.#entries[i]!
      if ((epochs.get(partition) ?? epoch) === epoch) continue
      this.#entries.splice(i, 1)
      this.#bytes -= bytes
      taken.unshift(item)
    }
    return taken
  }
}
