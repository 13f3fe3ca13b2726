import type { EncodedEvents } from '../wire/index.ts'

/** Approximate bookkeeping of one run: the object, its place in a queue, and its share of the arrays it refers to. */
const RUN_BYTES = 200

/**
 * Memory of all queues of a node: the events of an entry count once and in full, however many runs refer to it and
 * however little they need, plus the bookkeeping of every run.
 */
export class QueueBudget {
  readonly maxBytes: number
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether events that can wait elsewhere, such as in the log, should. */
  get isHalfSpent(): boolean {
    return this.#usedBytes * 2 > this.maxBytes
  }

  get isExceeded(): boolean {
    return this.#usedBytes > this.maxBytes
  }

  /** A run that refers to these events was queued. */
  pin(encoded: EncodedEvents): void {
    this.#usedBytes += RUN_BYTES + (encoded.pins === 0 ? encoded.bytes.length : 0)
    encoded.pins++
  }

  /** The run left the queue, or refers to other events now. */
  unpin(encoded: EncodedEvents): void {
    encoded.pins--
    this.#usedBytes -= RUN_BYTES + (encoded.pins === 0 ? encoded.bytes.length : 0)
  }
}
