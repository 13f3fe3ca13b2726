const LIST = 0xdd
const TEXT = 0xdb
const WHOLE = 0xce
/** The letter of a value and four bytes: its length, its count, or the value. */
const HEAD_BYTES = 5
/** A UTF-16 code unit takes at most three bytes of UTF-8. */
const MAX_UTF8_PER_UNIT = 3
const FIRST_BYTES = 65_536

/** Shared: a list is written to its end before the next one is begun. */
let out = Buffer.allocUnsafe(FIRST_BYTES)

/**
 * Texts and whole numbers as one argument of a script: a list of MessagePack, each value in its longest form. Scripts read it by
 * `cmsgpack.unpack`.
 */
export class PackedList {
  #at = 0

  /** MUST be written to its end before another one is begun. @param count values that it will have */
  static of(count: number): PackedList {
    const list = new PackedList()
    list.#head(LIST, count)
    return list
  }

  private constructor() {}

  text(text: string): this {
    this.#reserve(HEAD_BYTES + text.length * MAX_UTF8_PER_UNIT)
    const from = this.#at
    const bytes = out.write(text, from + HEAD_BYTES)
    this.#head(TEXT, bytes)
    this.#at += bytes
    return this
  }

  /** @param value below 2^32 */
  whole(value: number): this {
    this.#head(WHOLE, value)
    return this
  }

  /** A copy. */
  bytes(): Buffer {
    return Buffer.from(out.subarray(0, this.#at))
  }

  #head(letter: number, value: number): void {
    this.#reserve(HEAD_BYTES)
    const at = this.#at
    out[at] = letter
    out[at + 1] = value >>> 24
    out[at + 2] = value >>> 16
    out[at + 3] = value >>> 8
    out[at + 4] = value
    this.#at = at + HEAD_BYTES
  }

  #reserve(bytes: number): void {
    const room = this.#at + bytes
    if (room <= out.length) return
    const larger = Buffer.allocUnsafe(Math.max(room, 2 * out.length))
    out.copy(larger, 0, 0, this.#at)
    out = larger
  }
}
