import { compareStreamIds } from '@tidegate/protocol'
import { type KnownEntry, LOG_START, type Mark, wholeEntry } from '../../bus/index.ts'
import type { Entry } from '../wire/index.ts'
import { everyLane, type LogStart } from './log-start.ts'

/**
 * Bounds of one ring: it only has to bridge the moment between the answer to a log read and the tail's cursor. Small entries that it
 * holds outlive the young generation: with 256 of them a collection takes a third longer.
 */
const RING_BYTES = 256 * 1_024
const RING_ENTRIES = 64

/**
 * The tail's cursor in one topic and partition, and the newest entries: one contiguous range that ends at the cursor.
 */
export class TopicTail {
  #cursor: string
  #epoch: string
  /** The ring holds every entry after this id. */
  #ringStart: string
  #ring: Entry[] = []
  #ringBytes = 0
  #newestSeen: Omit<KnownEntry, 'topic'> | undefined
  #start: LogStart | undefined

  /** @param cursor id of the last entry to skip, `0-0` if there is none */
  constructor(cursor: string, epoch: string) {
    this.#cursor = cursor
    this.#epoch = epoch
    this.#ringStart = cursor
    if (cursor !== LOG_START) this.#newestSeen = { epoch, streamId: cursor }
  }

  get cursor(): string {
    return this.#cursor
  }

  /** Everything the tail has read. */
  get mark(): Mark {
    return this.start.marks[0]
  }

  /** The start of a feed that gets everything the tail will read: one object for all feeds that start here. */
  get start(): LogStart {
    this.#start ??= everyLane(this.#epoch, wholeEntry(this.#epoch, this.#cursor))
    return this.#start
  }

  /** The newest entry that is known to have been there. */
  get newestSeen(): Omit<KnownEntry, 'topic'> | undefined {
    return this.#newestSeen
  }

  push(entry: Entry): void {
    this.#start = undefined
    this.#cursor = entry.streamId
    this.#epoch = entry.epoch
    this.#newestSeen = { epoch: entry.epoch, streamId: entry.streamId }
    this.#ring.push(entry)
    this.#ringBytes += entry.bytes
    while (this.#ringBytes > RING_BYTES || this.#ring.length > RING_ENTRIES) {
      const oldest = this.#ring.shift()!
      this.#ringBytes -= oldest.bytes
      this.#ringStart = oldest.streamId
    }
  }

  /** Continues from another id: the log has lost entries that were read, or was trimmed beyond the cursor. */
  jump(cursor: string, epoch: string): void {
    this.#start = undefined
    this.#cursor = cursor
    this.#epoch = epoch
    this.#ringStart = cursor
    this.#ring = []
    this.#ringBytes = 0
  }

  /** Entries after an id (or from it on), or `undefined` when the ring does not reach back that far. */
  since(after: string, inclusive: boolean): readonly Entry[] | undefined {
    if (after === this.#cursor && !inclusive) return []
    const order = compareStreamIds(this.#ringStart, after)
    if (order > 0 || (order === 0 && inclusive)) return undefined
    return this.#ring.slice(this.#indexOf(after, inclusive))
  }

  /** Where entries after an id begin in the ring: they lie there in the order of their ids. */
  #indexOf(after: string, inclusive: boolean): number {
    let [from, to] = [0, this.#ring.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const order = compareStreamIds(this.#ring[middle]!.streamId, after)
      if (order > 0 || (inclusive && order === 0)) to = middle
      else from = middle + 1
    }
    return from
  }
}
