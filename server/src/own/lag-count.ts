import { compareStreamIds } from '@tidegate/protocol'
import type { LogSize } from '../bus/index.ts'
import { msOf } from '../fold/index.ts'

/**
 * How many entries of a partition's inputs are not folded yet. Redis counts what was ever added to a log, so what is folded can
 * be counted against it, from the first time on that everything is. Until then ids say about where the owner stands.
 */
export class LagCount {
  /** Topic -> entries that were ever added to its log, as far as they are folded. */
  readonly #folded = new Map<string, number>()

  /** One more entry of a topic is folded. */
  folded(topic: string): void {
    const before = this.#folded.get(topic)
    if (before !== undefined) this.#folded.set(topic, before + 1)
  }

  /** @param offsets topic -> id of the last entry that is folded */
  entries(sizes: ReadonlyMap<string, LogSize>, offsets: ReadonlyMap<string, string>): number {
    let entries = 0
    for (const [topic, size] of sizes) entries += this.#entriesOf(topic, size, offsets.get(topic)!)
    return entries
  }

  #entriesOf(topic: string, size: LogSize, offset: string): number {
    if (size.length === 0) return 0
    if (compareStreamIds(offset, size.lastId) >= 0) {
      this.#folded.set(topic, size.added)
      return 0
    }
    const folded = this.#folded.get(topic)
    return folded === undefined ? estimated(size, offset) : Math.max(0, Math.min(size.length, size.added - folded))
  }
}

/** As if the entries had been added evenly. */
function estimated({ length, firstId, lastId }: LogSize, offset: string): number {
  const [first, last, at] = [msOf(firstId), msOf(lastId), msOf(offset)]
  if (at < first || last === first) return length
  return Math.max(1, Math.round((length * (last - at)) / (last - first)))
}
