import { BusMismatch } from '../errors.ts'
import { Crc64 } from './crc64.ts'
import { END, SnapshotBody } from './snapshot-body.ts'

/**
 * One snapshot of several, which hold different keys: a Redis reads it as if all keys had been its own. Facts and functions are
 * those of the first.
 *
 * @throws BusMismatch where they are of different versions; CutTransfer where one of them is not whole
 */
export async function* mergedSnapshot(parts: readonly AsyncIterable<Uint8Array>[]): AsyncGenerator<Buffer> {
  const checksum = new Crc64()
  const checked = (bytes: Buffer) => {
    checksum.update(bytes)
    return bytes
  }
  let first: Buffer | undefined
  for (const part of parts) {
    const body = new SnapshotBody(part)
    const magic = await body.magic()
    if (first === undefined) {
      first = magic
      yield checked(magic)
    } else if (magic.equals(first)) await body.skipPrelude()
    else {
      throw new BusMismatch(
        `The masters are of different versions, with snapshots of different formats (${first.toString('latin1')}, ` +
          `${magic.toString('latin1')}): bring all of them to the same one first.`,
      )
    }
    for await (const piece of body.rest()) yield checked(piece)
  }
  yield checked(Buffer.from([END]))
  yield checksum.digest()
}
