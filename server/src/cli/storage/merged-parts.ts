import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { mergedSnapshot, type Snapshot } from '../../bus/index.ts'
import { writeAll } from './snapshot-file.ts'

/**
 * Snapshots of the masters of a cluster as one, for a Redis that is alone. Each is written beside the file that is to be, since they
 * come at the same time: a master that had to wait would keep a copy of its memory meanwhile.
 *
 * @param use reads the one @throws what ends one of the transfers, which ends the others
 */
export async function withMergedParts<T>(
  file: string,
  parts: readonly Snapshot[],
  onBytes: (bytes: number) => void,
  use: (merged: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(dirname(file), `${basename(file)}.parts-`))
  try {
    const files = parts.map((_, i) => join(folder, `${i}.rdb`))
    const written = parts.map(() => 0)
    const writing = parts.map(({ pieces }, i) =>
      writeAll(files[i]!, pieces, (bytes) => {
        written[i] = bytes
        onBytes(written.reduce((sum, each) => sum + each, 0))
      }),
    )
    try {
      await Promise.all(writing)
    } catch (error) {
      await Promise.all(parts.map(({ pieces }) => pieces.return(undefined)))
      throw error
    } finally {
      await Promise.allSettled(writing)
    }
    return await use(mergedSnapshot(files.map((part) => createReadStream(part))))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
