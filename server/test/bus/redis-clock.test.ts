import { afterEach, describe, expect, it, vi } from 'vitest'
import { RedisClock } from '../../src/bus/redis/redis-clock.ts'
import { redisNow } from '../../src/bus/redis/redis-time.ts'
import { useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const { redis } = await useRedis()

afterEach(() => {
  vi.restoreAllMocks()
})

describe("Redis' clock", () => {
  it.each([-HOUR_MS, HOUR_MS])(
    'W-CLOCK-2 is that of stream ids when the one of the process is set by %s ms',
    async (stepMs) => {
      const real = Date.now.bind(Date)
      vi.spyOn(Date, 'now').mockImplementation(() => real() + stepMs)
      const clock = new RedisClock(() => redisNow(redis))
      await clock.start()
      const id = (await redis.xadd('log', '*', 'a', 'b'))!
      expect(Math.abs(clock.now() - Number(id.split('-')[0]))).toBeLessThan(500)
      clock.close()
    },
  )

  it('W-CLOCK-2 is even between looks whose answers are late, and follows a step', async () => {
    let monotonic = 10_000
    let ahead = 1_700_000_000_000
    let lateMs = 0
    const clock = new RedisClock(
      async () => {
        monotonic += lateMs
        return monotonic + ahead
      },
      () => monotonic,
    )
    await clock.look()
    const before = clock.now()
    // As after a stop of Redis: it tells the time when it goes on.
    lateMs = 8_000
    await clock.look()
    expect(clock.now() - before).toBe(8_000)
    lateMs = 0
    ahead -= HOUR_MS
    await clock.look()
    expect(clock.now()).toBe(monotonic + ahead)
  })
})
