/** Jones' polynomial, bits reversed: the checksum at the end of a snapshot. */
const POLYNOMIAL = 0x95ac9329ac4bc9b5n
const LOW = 0xffffffffn

/** The upper and lower halves of the table: a BigInt for each byte would take thirty times as long. */
const HIGH_OF = new Uint32Array(256)
const LOW_OF = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n
  HIGH_OF[byte] = Number(crc >> 32n)
  LOW_OF[byte] = Number(crc & LOW)
}

/** CRC-64 of a stream of bytes, as Redis computes it. */
export class Crc64 {
  #high = 0
  #low = 0

  update(bytes: Uint8Array): void {
    let high = this.#high
    let low = this.#low
    for (const byte of bytes) {
      const at = (low ^ byte) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ LOW_OF[at]!
      high = (high >>> 8) ^ HIGH_OF[at]!
    }
    this.#high = high
    this.#low = low
  }

  /** Of all bytes so far, the lowest first. */
  digest(): Buffer {
    const digest = Buffer.alloc(8)
    digest.writeUInt32LE(this.#low >>> 0, 0)
    digest.writeUInt32LE(this.#high >>> 0, 4)
    return digest
  }
}
