import { describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { redisNow } from '../../src/bus/redis/redis-time.ts'
import { Roster } from '../../src/bus/reports/roster.ts'
import { readWorkerReports } from '../../src/bus/reports/worker-report.ts'
import { systemClock } from '../../src/clock.ts'
import { WorkerStats } from '../../src/own/worker-stats.ts'
import { useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const report = { breakers: [], ...new WorkerStats(() => systemClock).report() }
const { redis } = await useRedis()

const rosterOf = (worker: string, generation = 0, latest = 0) =>
  new Roster(Channel.over(redis, new Guard('jobs')), worker, { generation, latest })

/** Makes the entry of a worker look as old as this. */
async function age(worker: string, ms: number): Promise<void> {
  const at = (await redisNow(redis)) - ms
  for (const key of [keys.workers, keys.workersOf(0)]) await redis.zadd(key, at, worker)
}

describe('roster', () => {
  it('W-OWNER-7 counts the living', async () => {
    expect(await rosterOf('a').renew(report)).toBe(1)
    expect(await rosterOf('b').renew(report)).toBe(2)
  })

  it.each([
    ['an hour old', HOUR_MS],
    ['an hour ahead', -HOUR_MS],
  ])('W-OWNER-7 does not count a worker whose entry is %s, and counts itself', async (_, ageMs) => {
    const [own, other] = [rosterOf('own'), rosterOf('other')]
    await own.renew(report)
    await other.renew(report)
    await age('own', ageMs)
    await age('other', ageMs)
    expect([...(await readWorkerReports(redis)).keys()]).toEqual([])
    expect(await own.renew(report)).toBe(1)
    expect([...(await readWorkerReports(redis)).keys()]).toEqual(['own'])
    expect(await other.renew(report)).toBe(2)
  })

  it('W-ROLLOUT-1 W-ROLLOUT-2 tells of workers of later contracts, and shares with those of its own', async () => {
    const [before, next, after] = [rosterOf('before', 1, 3), rosterOf('next', 2, 3), rosterOf('after', 3, 3)]
    expect([await before.renew(report), await before.isSucceeded()]).toEqual([1, false])
    expect([await next.renew(report), await next.isSucceeded()]).toEqual([1, false])
    expect(await before.isSucceeded()).toBe(true)
    expect([await after.renew(report), await after.isSucceeded()]).toEqual([1, false])
    expect(await next.isSucceeded()).toBe(true)
    expect([...(await readWorkerReports(redis)).keys()].sort()).toEqual(['after', 'before', 'next'])
    await after.leave()
    expect([await next.isSucceeded(), await before.isSucceeded()]).toEqual([false, true])
  })

  it.each([1_600, -1_600])('W-OWNER-8 gives no share to a worker whose entry is %i ms old', async (ageMs) => {
    const [own, other] = [rosterOf('own'), rosterOf('other')]
    await other.renew(report)
    await age('other', ageMs)
    expect(await own.renew(report)).toBe(1)
    expect([...(await readWorkerReports(redis)).keys()].sort()).toEqual(['other', 'own'])
  })
})
