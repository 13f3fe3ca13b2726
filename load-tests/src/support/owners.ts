import { setTimeout as pause } from 'node:timers/promises'
import { HEARTBEAT_FRESH_MS } from '../../../server/src/bus/index.ts'
import { keys } from '../../../server/src/bus/keys.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { readWorkerReports } from '../../../server/src/bus/reports/worker-report.ts'

/** Longest hold, and again from when a call is held: other calls have a deadline of a second. */
const HOLD_MS = 500
const WAIT_MS = 300
const POLL_MS = 5
/** Arguments of a script call that are larger than this are a commit's: a heartbeat or a take has a few dozen bytes. */
const COMMIT_BYTES = 1_500

/**
 * Makes Redis hold back all writes until a worker's commit is among them.
 *
 * @returns which worker's, or `undefined` when none came in time. Either way `CLIENT UNPAUSE` ends the hold, or time
 *   does.
 */
export function holdCommit(redis: Redis): Promise<string | undefined> {
  return holdCall(redis, / name=tidegate-(\S+)-commit /, COMMIT_BYTES)
}

/** The same with what a gateway appends: at least so many bytes of it. */
export function holdAppend(redis: Redis, minBytes: number): Promise<string | undefined> {
  return holdCall(redis, / name=tidegate-(\S+)-append /, minBytes)
}

async function holdCall(redis: Redis, connection: RegExp, minBytes: number): Promise<string | undefined> {
  await redis.call('CLIENT', 'PAUSE', HOLD_MS, 'WRITE')
  const deadline = performance.now() + WAIT_MS
  while (performance.now() < deadline) {
    const list = (await redis.call('CLIENT', 'LIST')) as string
    for (const line of list.split('\n')) {
      const [, node] = connection.exec(line) ?? []
      const isHeld = / flags=\w*b/.test(line) && / cmd=evalsha /.test(line)
      if (node !== undefined && isHeld && Number(/ argv-mem=(\d+)/.exec(line)![1]) > minBytes) {
        // From now on, however long it took to come.
        await redis.call('CLIENT', 'PAUSE', HOLD_MS, 'WRITE')
        return node
      }
    }
    await pause(POLL_MS)
  }
  return undefined
}

export async function letThrough(redis: Redis): Promise<void> {
  await redis.call('CLIENT', 'UNPAUSE')
}

/** A field of the meta of each partition that a worker says it owns. */
export async function metasOf(redis: Redis, node: string, field: string): Promise<ReadonlyMap<number, string | null>> {
  const owned = Object.keys((await readWorkerReports(redis)).get(node)?.partitions ?? {}).map(Number)
  return new Map(await Promise.all(owned.map(async (p) => [p, await redis.hget(keys.meta(p), field)] as const)))
}

/** Waits until each of two workers says that it owns partitions, and all of them are owned. */
export async function untilShared(redis: Redis, partitions: number): Promise<void> {
  for (;;) {
    const shares = [...(await readWorkerReports(redis)).values()].map((report) => Object.keys(report.partitions).length)
    const owned = shares.reduce((sum, share) => sum + share, 0)
    if (owned === partitions && shares.filter((share) => share > 0).length === 2) return
    await pause(POLL_MS)
  }
}

/** How many of them are something else by now. */
export async function countChanged(
  redis: Redis,
  metas: ReadonlyMap<number, string | null>,
  field: string,
): Promise<number> {
  const now = await Promise.all([...metas.keys()].map((p) => redis.hget(keys.meta(p), field)))
  return [...metas.values()].filter((value, i) => value !== now[i]).length
}

/** Whether every partition has an owner that was heard of just now. */
export async function isAllOwned(redis: Redis, partitions: number): Promise<boolean> {
  const all = Array.from({ length: partitions }, (_, p) => redis.hmget(keys.meta(p), 'heartbeat', 'released'))
  const now = Date.now()
  return (await Promise.all(all)).every(
    ([heartbeat, released]) => released === '0' && now - Number(heartbeat) < HEARTBEAT_FRESH_MS,
  )
}
