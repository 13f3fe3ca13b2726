import { CutTransfer } from './replication-reply.ts'

/** Name and version of the format, at the beginning. */
export const MAGIC_BYTES = 9
/** The last byte before the checksum. */
export const END = 0xff
export const CHECKSUM_BYTES = 8
const FOOTER_BYTES = 1 + CHECKSUM_BYTES

/** What may stand before the keys: a fact about the Redis, a library of functions. */
const FACT = 0xfa
const FUNCTIONS = 0xf5
/** How a length begins that has more than 14 bits, and a compressed string. */
const LENGTH_32 = 0x80
const LENGTH_64 = 0x81
const INTEGER_BYTES: Readonly<Record<number, number>> = { 192: 1, 193: 2, 194: 4 }
const COMPRESSED = 0xc3

/** A snapshot of a Redis (RDB), read from its beginning: its name, and then what follows without its end. */
export class SnapshotBody {
  readonly #pieces: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Called first. @throws CutTransfer */
  async magic(): Promise<Buffer> {
    return this.#bytes(MAGIC_BYTES)
  }

  /** Passes over facts and libraries: a Redis reads a library only once. @throws CutTransfer */
  async skipPrelude(): Promise<void> {
    for (;;) {
      const kind = (await this.#atLeast(1))[0]!
      if (kind !== FACT && kind !== FUNCTIONS) return
      await this.#bytes(1)
      await this.#skipString()
      if (kind === FACT) await this.#skipString()
    }
  }

  /** All but the mark of the end and the checksum. Called last. @throws CutTransfer where the mark is missing */
  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const sure = this.#held.length - FOOTER_BYTES
      if (sure > 0) {
        yield this.#held.subarray(0, sure)
        this.#held = this.#held.subarray(sure)
      }
      if (!(await this.#grow())) break
    }
    if (this.#held.length < FOOTER_BYTES || this.#held[0] !== END) throw cut()
  }

  async #skipString(): Promise<void> {
    const first = (await this.#bytes(1))[0]!
    const integer = INTEGER_BYTES[first]
    if (integer !== undefined) await this.#bytes(integer)
    else if (first === COMPRESSED) {
      const length = await this.#length((await this.#bytes(1))[0]!)
      await this.#length((await this.#bytes(1))[0]!)
      await this.#bytes(length)
    } else await this.#bytes(await this.#length(first))
  }

  async #length(first: number): Promise<number> {
    if (first === LENGTH_32) return (await this.#bytes(4)).readUInt32BE()
    if (first === LENGTH_64) return Number((await this.#bytes(8)).readBigUInt64BE())
    return first < 0x40 ? first : ((first & 0x3f) << 8) | (await this.#bytes(1))[0]!
  }

  async #bytes(count: number): Promise<Buffer> {
    const held = await this.#atLeast(count)
    this.#held = held.subarray(count)
    return held.subarray(0, count)
  }

  async #atLeast(count: number): Promise<Buffer> {
    while (this.#held.length < count) if (!(await this.#grow())) throw cut()
    return this.#held
  }

  async #grow(): Promise<boolean> {
    const { done, value } = await this.#pieces.next()
    if (done) return false
    this.#held = Buffer.concat([this.#held, value])
    return true
  }
}

const cut = () => new CutTransfer('a snapshot ends before all of it was there')
