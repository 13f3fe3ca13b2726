import type { Redis } from '../redis/connection.ts'
import { redisNow } from '../redis/redis-time.ts'
import type { StoredReport } from './stored-report.ts'

/** A report as others read it. */
export type Read<Report> = Report & {
  /** How far the clock of the process was ahead of that of Redis, ms. Absent: an earlier version does not say its time. */
  readonly clockAheadMs?: number
}

interface LiveProcesses {
  /** Sorted set name -> last heartbeat (Redis ms). */
  readonly heartbeats: string
  readonly reportOf: (name: string) => string
  /** A process without a heartbeat for this long does not count, nor one whose heartbeat lies that far in the future. */
  readonly aliveMs: number
}

/**
 * Reports of live processes, by their names. What they stored is on Redis' clock: it can be added up, whatever their own clocks say.
 */
export async function readLiveReports<Report extends { readonly stored?: StoredReport }>(
  redis: Redis,
  { heartbeats, reportOf, aliveMs }: LiveProcesses,
): Promise<ReadonlyMap<string, Read<Report>>> {
  const now = await redisNow(redis)
  // By heartbeats, not by the keys that exist: their expiry follows a clock that may be set.
  const flat = await redis.zrangebyscore(heartbeats, `(${now - aliveMs}`, `(${now + aliveMs}`, 'WITHSCORES')
  const live = flat.flatMap((name, i) => (i % 2 === 0 ? [{ name, heartbeat: Number(flat[i + 1]) }] : []))
  const texts = await Promise.all(live.map(({ name }) => redis.get(reportOf(name))))
  return new Map(
    live.flatMap(({ name, heartbeat }, i) => {
      const text = texts[i]
      return text == null ? [] : [[name, onRedisClock(JSON.parse(text) as Report, heartbeat)] as const]
    }),
  )
}

function onRedisClock<Report extends { readonly stored?: StoredReport }>(
  report: Report,
  heartbeat: number,
): Read<Report> {
  const { stored } = report
  if (stored?.at === undefined) return report
  const clockAheadMs = stored.at - heartbeat
  // Whole steps: those of all processes begin together.
  const until = stored.until - Math.round(clockAheadMs / stored.stepMs) * stored.stepMs
  return { ...report, clockAheadMs, stored: { ...stored, until } }
}
