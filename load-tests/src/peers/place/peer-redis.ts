import { RedisProcess } from '../../support/redis-process.ts'

/** How Redis is set up for every subject that stores in one, beside what Redis does by default. */
export const REDIS_SETTINGS =
  'Redis with appendonly yes, appendfsync everysec, save "", auto-aof-rewrite-min-size 1gb: as the one that Tidegate starts'

/** A Redis as durable as the one that `tidegate start` runs. */
export async function startPeerRedis(): Promise<RedisProcess> {
  const redis = await RedisProcess.start({ fsync: 'everysec' })
  await redis.command('CONFIG', 'SET', 'auto-aof-rewrite-min-size', '1gb')
  return redis
}
