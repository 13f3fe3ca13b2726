import type { Redis } from './connection.ts'

/** Redis' clock, ms since 1970: that of heartbeats and stream ids. It may be set, forward or back. */
export async function redisNow(redis: Redis): Promise<number> {
  return Math.floor(await exactRedisNow(redis))
}

/** The same with fractions. */
export async function exactRedisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1_000 + Number(micros) / 1_000
}
