import { compareStreamIds } from '@tidegate/protocol'
import type { Entry, Picks } from '../wire/index.ts'

/** The place of a result in the log of its topic and partition. */
interface Place {
  readonly streamId: string
  readonly index: number
}

/**
 * The overlap of a snapshot and the events after it, in one feed. A snapshot is read after the feed's start was fixed,
 * so some of its results lie behind that start: the feed meets them again, and older results of their keys. Those are
 * skipped.
 */
export class SnapshotSeam {
  readonly #epoch: string
  readonly #start: string
  #end: string
  readonly #ahead = new Map<string, Place>()

  /** @param start stream id of the place, of that epoch; it covers its whole entry */
  constructor(epoch: string, start: string) {
    this.#epoch = epoch
    this.#start = start
    this.#end = start
  }

  get isEmpty(): boolean {
    return this.#ahead.size === 0
  }

  /** The snapshot sent a result that lies there. */
  note(key: string, { streamId, index }: Place): void {
    if (compareStreamIds(streamId, this.#start) <= 0) return
    this.#ahead.set(key, { streamId, index })
    if (compareStreamIds(streamId, this.#end) > 0) this.#end = streamId
  }

  /** Whether an entry, and all that follow, lie beyond the seam. */
  isPassedBy(entry: Entry): boolean {
    return entry.epoch !== this.#epoch || compareStreamIds(entry.streamId, this.#end) > 0
  }

  /** Whether everything after that place lies beyond the seam. */
  endsBy(streamId: string): boolean {
    return compareStreamIds(this.#end, streamId) <= 0
  }

  /** The picks that the snapshot did not cover. */
  beyond(entry: Entry, picks: Picks): Picks {
    return picks.filter((index) => {
      const covered = this.#ahead.get(entry.header.keys[index]!)
      if (covered === undefined) return true
      const order = compareStreamIds(entry.streamId, covered.streamId)
      return order > 0 || (order === 0 && index > covered.index)
    })
  }
}
