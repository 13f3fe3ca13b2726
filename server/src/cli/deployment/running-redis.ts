import type { Settings } from '../../config/settings/settings.ts'
import { privateRedisOf } from '../../supervisor/folder-lock.ts'

/** The Redis of the deployment that a command inspects. @throws when there is none to be found. */
export async function runningRedisUrl({ redisUrl, dataFolder }: Settings): Promise<string> {
  const found = redisUrl ?? (await privateRedisOf(dataFolder))
  if (found !== undefined) return found
  throw new Error(
    `REDIS_URL is not set, and no \`tidegate start\` runs on the data folder ${dataFolder} (--data, or TIDEGATE_DATA).`,
  )
}
