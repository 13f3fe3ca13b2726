import type { EncodedEvents } from './encoded-events.ts'

/** Bookkeeping of one run, about: the object, its place in a queue, and its share of the arrays it refers to. */
const RUN_BYTES = 200

/**
 * Memory that the queues of a node hold: the events of an entry once, in full, however many wait for it and however little
 * of it they still need, and the bookkeeping of every run.
 */
export class QueueBudget {
  readonly maxBytes: number
  readonly #pins = new Map<EncodedEvents, number>()
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get isExceeded(): boolean {
    return this.#usedBytes > this.maxBytes
  }

  /** A run that refers to these events was queued. */
  pin(encoded: EncodedEvents): void {
    const pins = this.#pins.get(encoded) ?? 0
    this.#pins.set(encoded, pins + 1)
    this.#usedBytes += RUN_BYTES + (pins === 0 ? encoded.bytes.length : 0)
  }

  /** It left the queue, or refers to others now. */
  unpin(encoded: EncodedEvents): void {
    const pins = this.#pins.get(encoded)! - 1
    if (pins === 0) this.#pins.delete(encoded)
    else this.#pins.set(encoded, pins)
    this.#usedBytes -= RUN_BYTES + (pins === 0 ? encoded.bytes.length : 0)
  }
}
