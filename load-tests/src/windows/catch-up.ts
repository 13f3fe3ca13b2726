import { keys, lastIds, openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/index.ts'
import { type ServerProcess, startTidegate } from '../support/processes.ts'
import { PARTITIONS } from './prefill.ts'

const POLL_MS = 10

/** A worker that has caught up with its log and still runs. */
export interface CaughtUp {
  readonly worker: ServerProcess
  /** From the first take of a partition until every partition had committed its last entry. */
  readonly seconds: number
}

/** Starts a worker on a prefilled log. The caller stops it. */
export async function catchUp(redis: Redis, redisUrl: string, config: string): Promise<CaughtUp> {
  const ends = await Promise.all(partitions().map(async (p) => (await lastIds(redis, p, ['sensor.reading']))[0]!))
  const worker = startTidegate(['worker', '--config', config], { REDIS_URL: redisUrl })
  await until(async () => (await metas(redis, 'token')).some((token) => token !== null))
  const startedAt = performance.now()
  await until(async () => (await metas(redis, 'offsets')).every((offsets, p) => offsets?.includes(`"${ends[p]}"`)))
  const seconds = (performance.now() - startedAt) / 1_000
  return { worker: await worker, seconds }
}

export async function openBench(redisUrl: string): Promise<Redis> {
  const redis = openCommandConnection(redisUrl, 'bench-windows')
  await untilReady(redis, 5_000)
  return redis
}

/** Keys that have a latest pane. */
export async function paneKeys(redis: Redis, window: string): Promise<number> {
  const counts = await Promise.all(partitions().map((p) => redis.hlen(keys.current(p, window))))
  return counts.reduce((sum, n) => sum + n, 0)
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

const partitions = () => Array.from({ length: PARTITIONS }, (_, partition) => partition)

function metas(redis: Redis, field: string): Promise<(string | null)[]> {
  return Promise.all(partitions().map((p) => redis.hget(keys.meta(p), field)))
}
