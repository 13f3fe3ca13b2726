import { compareStreamIds } from '@tidegate/protocol'
import type { Entry, Picks } from '../wire/index.ts'

/** Where a result lies in the log of its topic and partition. */
interface Place {
  readonly streamId: string
  readonly index: number
}

/**
 * Where a snapshot and the events after it overlap, in one feed: a snapshot is read after the place was taken at which the
 * feed starts, so that some of its results lie behind that place and the feed will come by them, and by older ones of their
 * keys. Those are left out.
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

  /** The snapshot told the result of a key that lies there. */
  note(key: string, { streamId, index }: Place): void {
    if (compareStreamIds(streamId, this.#start) <= 0) return
    this.#ahead.set(key, { streamId, index })
    if (compareStreamIds(streamId, this.#end) > 0) this.#end = streamId
  }

  /** Whether an entry, and all that follow, lie beyond it. */
  isPassedBy(entry: Entry): boolean {
    return entry.epoch !== this.#epoch || compareStreamIds(entry.streamId, this.#end) > 0
  }

  /** The picks that the snapshot did not cover. */
  beyond(entry: Entry, picks: Picks): Picks {
    return picks.filter((index) => {
      const told = this.#ahead.get(entry.header.keys[index]!)
      if (told === undefined) return true
      const order = compareStreamIds(entry.streamId, told.streamId)
      return order > 0 || (order === 0 && index > told.index)
    })
  }
}
