/** Room for the largest batch that has more than one slice. */
const BUFFER_BYTES = 65_536
/** More than are under way at a time: 4 MiB. */
const MAX_FREE = 64

/**
 * Buffers of payloads, used again and again. New ones are memory outside of the heap, and V8 collects the whole heap whenever there
 * are 64 MB more of that: several times a second under full load, 10 ms each.
 */
export class PayloadBuffers {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafe(BUFFER_BYTES)
  }

  /** Nothing may refer to it any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.#free.length < MAX_FREE) this.#free.push(buffer)
  }
}
