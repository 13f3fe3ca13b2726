import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CopyCounts, copyKeys, type RestoredData } from '../../bus/index.ts'
import { type Loading, withLoadedBackup } from './loaded-backup.ts'

export interface RedisRestore extends Loading {
  /** With its whole path. */
  readonly file: string
  readonly url: string
  /** @param keys to copy, and those of others in the same database */
  readonly onProgress: (copied: CopyCounts, keys: number) => void
}

const CONNECT_MS = 5_000

/**
 * Copies the keys of Tidegate from a backup into a Redis that has none. A Redis of our own reads the file where it lies: it is not
 * copied, and what that Redis writes is thrown away.
 *
 * @throws BusUnreachable, BusMismatch, Error
 */
export async function restoreRedis(options: RedisRestore): Promise<RestoredData> {
  const { file, url, stopped, onProgress } = options
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-restore-'))
  const place = (path: string) => symlink(file, path)
  try {
    return await withLoadedBackup(folder, place, options, async ({ partitions, keys }, from) => {
      const copied = await copyKeys({
        from,
        to: url,
        waitMs: CONNECT_MS,
        stopped,
        onProgress: (counts) => onProgress(counts, keys),
      })
      return { partitions, keys: copied.keys }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
