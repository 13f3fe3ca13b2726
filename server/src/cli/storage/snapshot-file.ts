import { randomUUID } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CHECKSUM_BYTES, END, MAGIC_BYTES } from '../../bus/index.ts'
import { printable } from '../terminal/printable.ts'

/** How a snapshot of Redis begins: name and version of its format. Valkey has a name of its own. */
const MAGIC = /^(REDIS\d{4}|VALKEY\d{3})$/

/** A complete snapshot in a file. */
export interface SnapshotFile {
  readonly bytes: number
}

/**
 * Looks at the beginning and the end of a file. The checksum is verified by the Redis that reads it.
 *
 * @throws Error where it is no snapshot, or not all of one
 */
export async function checkSnapshotFile(file: string): Promise<SnapshotFile> {
  const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' ? new Error(`there is no file ${printable(file)}`, { cause }) : cause
  })
  try {
    const { size: bytes } = await handle.stat()
    const read = async (length: number, from: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, Math.max(0, from))
      return buffer.subarray(0, bytesRead)
    }
    if (!MAGIC.test((await read(MAGIC_BYTES, 0)).toString('latin1'))) {
      throw new Error(`${printable(file)} is no backup: it does not begin as a snapshot of Redis does`)
    }
    const last = await read(CHECKSUM_BYTES + 1, bytes - CHECKSUM_BYTES - 1)
    if (last[0] !== END) throw new Error(`${printable(file)} is not a whole backup: its end is missing`)
    return { bytes }
  } finally {
    await handle.close()
  }
}

/**
 * Writes a snapshot into a file that is there as a whole, or not at all.
 *
 * @param mayReplace a file that exists
 * @param onBytes called with what was written so far
 * @throws Error where the file exists, the disk is full, or what came is no snapshot
 */
export async function writeSnapshotFile(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  { mayReplace, onBytes }: { readonly mayReplace: boolean; readonly onBytes: (bytes: number) => void },
): Promise<SnapshotFile> {
  const partial = `${file}.${randomUUID()}.partial`
  try {
    await writeAll(partial, pieces, onBytes)
    const snapshot = await checkSnapshotFile(partial)
    if (mayReplace) await rename(partial, file)
    // Unlike a rename, it fails if somebody else wrote the file meanwhile.
    else await link(partial, file)
    await sync(dirname(file))
    return snapshot
  } finally {
    await rm(partial, { force: true })
  }
}

/** Only this user may read it: it holds everything. */
export async function writeAll(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    let bytes = 0
    for await (const piece of pieces) {
      await handle.writeFile(piece)
      bytes += piece.length
      onBytes(bytes)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes new names in a folder outlive a power cut. */
export async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
