import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AOF_BASE, AOF_FOLDER, AOF_MANIFEST } from './aof-names.ts'

/**
 * Makes the folder of a Redis that starts with what a snapshot holds. With an append-only file Redis does not look at a
 * `dump.rdb`; the snapshot is the base of that file instead, and nothing follows it.
 *
 * @param place puts the snapshot at a path
 */
export async function aofFromSnapshot(redisFolder: string, place: (path: string) => Promise<void>): Promise<void> {
  const base = join(redisFolder, AOF_FOLDER, AOF_BASE)
  await mkdir(dirname(base), { recursive: true, mode: 0o700 })
  await place(base)
  await writeFile(join(dirname(base), AOF_MANIFEST), `file ${AOF_BASE} seq 1 type b\n`, { flush: true })
}
