import { beginAnew, type RestoredData } from '../../bus/index.ts'
import { aofFromSnapshot } from '../../supervisor/aof-from-snapshot.ts'
import { PrivateRedis, redisFolderOf } from '../../supervisor/private-redis.ts'
import type { RedisBinary } from '../../supervisor/redis-binary.ts'

export interface Loading {
  readonly binary: RedisBinary
  /** Of the data in the backup, where several have some. */
  readonly database: number | undefined
  readonly stopped: AbortSignal
}

/** Time for a Redis to write what it holds, however large that is. */
const STOP_MS = 60_000

/**
 * Has a Redis of our own read a backup, makes the data of a deployment of it, and ends that Redis afterwards.
 *
 * @param dataFolder an empty one
 * @param place puts the backup at a path
 * @throws Error where Redis cannot read it; BusMismatch where it holds nothing of Tidegate
 */
export async function withLoadedBackup<T>(
  dataFolder: string,
  place: (path: string) => Promise<void>,
  { binary, database, stopped }: Loading,
  use: (data: RestoredData, url: string) => Promise<T>,
): Promise<T> {
  await aofFromSnapshot(redisFolderOf(dataFolder), place)
  const redis = await PrivateRedis.open({ binary, dataFolder }, stopped).catch((cause: Error) => {
    stopped.throwIfAborted()
    throw new Error(`Redis cannot read the backup: it is damaged, or of a newer version of Redis.\n${cause.message}`, {
      cause,
    })
  })
  try {
    return await use(await beginAnew(redis.url, database), redis.url)
  } finally {
    await redis.close({ deadlineMs: STOP_MS })
  }
}
