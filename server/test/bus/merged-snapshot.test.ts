import { describe, expect, it } from 'vitest'
import { Crc64 } from '../../src/bus/snapshot/crc64.ts'
import { mergedSnapshot } from '../../src/bus/snapshot/merged-snapshot.ts'

const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
const long = (length: number) => {
  const header = Buffer.alloc(5, 0x80)
  header.writeUInt32BE(length, 1)
  return Buffer.concat([header, Buffer.alloc(length, 'l')])
}
const medium = (length: number) =>
  Buffer.concat([Buffer.from([0x40 | (length >> 8), length & 0xff]), Buffer.alloc(length)])
const fact = (name: string, value: Buffer) => Buffer.concat([Buffer.from([0xfa]), text(name), value])
/** Every way in which a string may be written. */
const FACTS = [
  fact('redis-ver', text('7.0.15')),
  fact('redis-bits', Buffer.from([0xc0, 64])),
  fact('port', Buffer.from([0xc1, 1, 2])),
  fact('ctime', Buffer.from([0xc2, 1, 2, 3, 4])),
  fact('packed', Buffer.from([0xc3, 3, 0x40, 200, 7, 8, 9])),
  fact('medium', medium(300)),
  fact('long', long(20_000)),
  Buffer.concat([Buffer.from([0xf5]), medium(500)]),
]
const END = Buffer.from([0xff])

const snapshot = (body: string, { magic = 'REDIS0010', facts = FACTS } = {}) =>
  Buffer.concat([Buffer.from(magic), ...facts, Buffer.from([0xfe, 0]), Buffer.from(body), END, Buffer.alloc(8, 'c')])

async function* inPieces(whole: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < whole.length; from += bytes) yield whole.subarray(from, from + bytes)
}

async function merged(parts: readonly Buffer[], bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of mergedSnapshot(parts.map((part) => inPieces(part, bytes)))) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe('merged snapshot', () => {
  it('B-SNAPSHOT-6 the checksum is the one of Redis', () => {
    const checksum = new Crc64()
    for (const part of ['1234', '', '56789']) checksum.update(Buffer.from(part))
    // As in `crc64.c` of Redis.
    expect(checksum.digest().readBigUInt64LE()).toBe(0xe9c6d914c4b8d9can)
  })

  it.each([1, 7, 1_000, 100_000])(
    'B-SNAPSHOT-6 has the keys of all, and facts and functions once (pieces of %i bytes)',
    async (bytes) => {
      const whole = await merged([snapshot('first'), snapshot('second'), snapshot('', { facts: [] })], bytes)
      const expected = Buffer.concat([
        ...[Buffer.from('REDIS0010'), ...FACTS, Buffer.from([0xfe, 0]), Buffer.from('first')],
        ...[Buffer.from([0xfe, 0]), Buffer.from('second'), Buffer.from([0xfe, 0]), END],
      ])
      expect(whole.subarray(0, -8).equals(expected)).toBe(true)
      const checksum = new Crc64()
      checksum.update(expected)
      expect(whole.subarray(-8)).toEqual(checksum.digest())
    },
  )

  it('B-SNAPSHOT-6 snapshots that are cut, or of different versions, are refused', async () => {
    const whole = snapshot('first')
    for (const length of [0, 5, 9, 40, 2_000, whole.length - 9, whole.length - 1]) {
      await expect(merged([whole, whole.subarray(0, length)], 100)).rejects.toThrow(/ends before all of it/)
    }
    await expect(merged([whole, snapshot('', { magic: 'REDIS0012' })], 100)).rejects.toThrow(/REDIS0010, REDIS0012/)
  })
})
