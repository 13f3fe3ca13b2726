import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RestoredData } from '../../bus/index.ts'
import { FolderLock } from '../../supervisor/folder-lock.ts'
import { redisFolderOf } from '../../supervisor/private-redis.ts'
import { printable } from '../terminal/printable.ts'
import { type Loading, withLoadedBackup } from './loaded-backup.ts'
import { sync, writeAll } from './snapshot-file.ts'

export interface FolderRestore extends Loading {
  readonly file: string
  readonly dataFolder: string
  /** Data that is there is kept beside what is restored. */
  readonly mayReplace: boolean
  readonly onBytes: (bytes: number) => void
}

export interface RestoredFolder extends RestoredData {
  /** Where the data lies that was there before. */
  readonly kept: string | undefined
}

/**
 * Makes a data folder that `tidegate start` starts from. A Redis has read the file by then, so a damaged one is found here. Until
 * the last step the folder stays as it was.
 *
 * @throws Error where the folder is in use, or has data; BusMismatch
 */
export async function restoreFolder(options: FolderRestore): Promise<RestoredFolder> {
  const { file, dataFolder, mayReplace, stopped, onBytes } = options
  const lock = await FolderLock.take(dataFolder, stopped)
  const staging = join(dataFolder, 'restoring')
  try {
    // Of a restore that was killed.
    await rm(staging, { recursive: true, force: true })
    const place = redisFolderOf(dataFolder)
    const isFull = await hasFiles(place)
    if (isFull && !mayReplace) {
      throw new Error(
        `${printable(place)} has data. Choose another folder with --data, or have it kept beside the restored one with --force.`,
      )
    }
    await mkdir(staging, { mode: 0o700 })
    const copy = (path: string) => writeAll(path, createReadStream(file, { signal: stopped }), onBytes)
    const restored = await withLoadedBackup(staging, copy, options, async (data) => data)
    stopped.throwIfAborted()
    const kept = isFull ? `${place}-before-${new Date().toISOString().replaceAll(/[:.]/g, '-')}` : undefined
    if (kept === undefined) await rm(place, { recursive: true, force: true })
    else await rename(place, kept)
    await rename(redisFolderOf(staging), place)
    await sync(dataFolder)
    return { ...restored, kept }
  } finally {
    await rm(staging, { recursive: true, force: true })
    await lock.release()
  }
}

async function hasFiles(folder: string): Promise<boolean> {
  return readdir(folder).then(
    (names) => names.length > 0,
    () => false,
  )
}
