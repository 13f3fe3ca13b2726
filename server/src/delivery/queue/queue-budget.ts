import type { EncodedEvents } from '../wire/index.ts'

/** Bookkeeping of one run, about: the object, its place in a queue, and its share of the arrays it refers to. */
const RUN_BYTES = 200

/**
 * Memory that the queues of a node hold: the events of an entry once, in full, however many wait for it and however little
 * of it they still need, and the bookkeeping of every run.
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

  /** Whether what can wait elsewhere, such as the log, should. */
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

  /** It left the queue, or refers to others now. */
  unpin(encoded: EncodedEvents): void {
    encoded.pins--
    this.#usedBytes -= RUN_BYTES + (encoded.pins === 0 ? encoded.bytes.length : 0)
  }
}
