import type { Redis } from './connection.ts'

/** Redis' clock, ms since 1970: the one that heartbeats and stream ids are of. Somebody may set it, forward or back. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}
