/**
 * Events stored in the last seconds are kept, up to this many bytes, in case Redis loses it: with `appendfsync everysec`
 * it may lose about a second.
 */
const KEPT_MS = 5_000
const KEPT_BYTES = 4 * 1_024 * 1_024

/** Dropped entries are cut off so many at a time: to shift a long array costs as much as all else that an acknowledgement does. */
const CUT_ENTRIES = 1_024

interface Entry<Item> {
  readonly item: Item
  readonly bytes: number
  readonly storedAt: number
  /** Partition -> epoch under which it was stored. */
  readonly epochs: ReadonlyMap<number, string>
}

/** Events that the server has stored recently, in the order of its acknowledgements. Pure: time is ms of a monotonic clock. */
export class Kept<Item> {
  /** Those that were dropped are undefined, at the front. */
  readonly #entries: (Entry<Item> | undefined)[] = []
  /** Of the oldest entry that is kept. */
  #first = 0
  #bytes = 0

  /** @returns what is no longer kept */
  add(item: Item, bytes: number, epochs: ReadonlyMap<number, string>, now: number): readonly Item[] {
    this.#entries.push({ item, bytes, storedAt: now, epochs })
    this.#bytes += bytes
    const dropped: Item[] = []
    for (let oldest = this.#entries[this.#first]!; this.#bytes > KEPT_BYTES || oldest.storedAt < now - KEPT_MS; ) {
      this.#bytes -= oldest.bytes
      dropped.push(oldest.item)
      this.#entries[this.#first++] = undefined
      oldest = this.#entries[this.#first]!
    }
    if (this.#first >= CUT_ENTRIES) this.#kept()
    return dropped
  }

  /** Partition -> epoch of the newest item stored there. */
  get epochs(): ReadonlyMap<number, string> {
    return new Map(this.#kept().flatMap(({ epochs }) => [...epochs]))
  }

  /** Hands over what was stored under another epoch of the partition: it may be lost. */
  take(partition: number, epoch: string): Item[] {
    const entries = this.#kept()
    const taken: Item[] = []
    for (let i = entries.length - 1; i >= 0; i--) {
      const { item, bytes, epochs } = entries[i]!
      if ((epochs.get(partition) ?? epoch) === epoch) continue
      entries.splice(i, 1)
      this.#bytes -= bytes
      taken.unshift(item)
    }
    return taken
  }

  /** Cuts off those that were dropped. */
  #kept(): Entry<Item>[] {
    this.#entries.splice(0, this.#first)
    this.#first = 0
    return this.#entries as Entry<Item>[]
  }
}
