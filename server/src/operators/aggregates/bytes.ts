import { checkVersion } from './state-text.ts'

/** Writes the binary form of a state, whose first byte is its version. */
export class ByteWriter {
  readonly #bytes: number[]

  constructor(version: number) {
    this.#bytes = [version]
  }

  byte(value: number): void {
    this.#bytes.push(value)
  }

  /**
   * A whole number from 0 to 2^53 in groups of seven bits, lowest first; the eighth bit means that more follow
   * (LEB128).
   */
  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) + 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes.push(rest)
  }

  /** IEEE 754, lowest byte first. */
  float64(value: number): void {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, value, true)
    this.#bytes.push(...bytes)
  }

  /** A whole number from 0 to 2^53 in seven bytes, lowest first. */
  uint53(value: number): void {
    let rest = value
    for (let n = 0; n < 7; n++) {
      this.#bytes.push(rest % 0x100)
      rest = Math.floor(rest / 0x100)
    }
  }

  toBase64(): string {
    return Buffer.from(this.#bytes).toString('base64')
  }
}

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 1

  /** @throws Error when it is of another version. @param what name of the aggregate. */
  constructor(what: string, version: number, base64: string) {
    this.#bytes = Buffer.from(base64, 'base64')
    checkVersion(what, version, this.#bytes[0])
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++]!
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  float64(): number {
    const { buffer, byteOffset } = this.#bytes
    const value = new DataView(buffer, byteOffset + this.#at).getFloat64(0, true)
    this.#at += 8
    return value
  }

  uint53(): number {
    let value = 0
    for (let n = 0; n < 7; n++) value += this.byte() * 0x100 ** n
    return value
  }
}
