import type { ByteReader, ByteWriter } from './bytes.ts'

/** With bins 2 % wide: exact to 17 orders of magnitude below the largest value. */
const MAX_BINS = 2_048

/** Below every bin of a 64-bit number, so that no distance is negative. */
const OFFSET = -40_000

/**
 * Counters of whole-numbered bins, at most `MAX_BINS` side by side: values further below the highest bin count in the
 * lowest. The result is the same for every order of the same additions.
 */
export class Bins {
  readonly counts = new Map<number, number>()
  #highest = Number.NEGATIVE_INFINITY
  #lowest = Number.POSITIVE_INFINITY

  add(bin: number, count: number): void {
    if (bin > this.#highest) {
      this.#highest = bin
      if (this.#lowest < this.#floor) this.#collapse()
    }
    const at = Math.max(bin, this.#floor)
    if (at < this.#lowest) this.#lowest = at
    this.counts.set(at, (this.counts.get(at) ?? 0) + count)
  }

  merge(from: Bins): void {
    for (const [bin, count] of from.counts) this.add(bin, count)
  }

  /** Lowest bin first. */
  ascending(): [bin: number, count: number][] {
    return [...this.counts].sort(([a], [b]) => a - b)
  }

  /** The number of bins, then for each its distance from the one before and its count. */
  write(bytes: ByteWriter): void {
    bytes.varint(this.counts.size)
    let before = OFFSET
    for (const [bin, count] of this.ascending()) {
      bytes.varint(bin - before)
      bytes.varint(count)
      before = bin
    }
  }

  static read(bytes: ByteReader): Bins {
    const bins = new Bins()
    let bin = OFFSET
    for (let n = bytes.varint(); n > 0; n--) {
      bin += bytes.varint()
      bins.add(bin, bytes.varint())
    }
    return bins
  }

  get #floor(): number {
    return this.#highest - MAX_BINS + 1
  }

  #collapse(): void {
    const floor = this.#floor
    let below = 0
    for (const [bin, count] of this.counts) {
      if (bin >= floor) continue
      below += count
      this.counts.delete(bin)
    }
    this.#lowest = floor
    this.counts.set(floor, (this.counts.get(floor) ?? 0) + below)
  }
}
