import { keys } from '../../../server/src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { logOf } from '../../../server/test/support/bus.ts'
import { cpuSeconds } from './cpu.ts'
import { PARTITIONS } from './log-filler.ts'
import { type ServerProcess, startTidegate } from './processes.ts'

const POLL_MS = 10

/** A worker that has caught up with its log and still runs. */
export interface CaughtUp {
  readonly worker: ServerProcess
  /** When it had its first partition, ms since 1970. */
  readonly startedAt: number
  /** CPU time that it had used when it was ready to work, s. */
  readonly startCpuSeconds: number
  /** From the first take of a partition until every partition had committed its last entry. */
  readonly seconds: number
}

/** Starts a worker on a filled log of one topic. The caller stops it. */
export async function catchUp(redis: Redis, redisUrl: string, config: string, topic: string): Promise<CaughtUp> {
  const ends = await Promise.all(
    partitions().map(async (p) => (await logOf(redis, p).heads([topic])).topics.get(topic)!.lastId),
  )
  const starting = startTidegate(['worker', '--config', config], { REDIS_URL: redisUrl })
  const startCpu = starting.then(({ pid }) => cpuSeconds(pid))
  await until(async () => (await metas(redis, 'token')).some((token) => token !== null))
  const startedAt = Date.now()
  await until(async () => (await metas(redis, 'offsets')).every((offsets, p) => offsets?.includes(`"${ends[p]}"`)))
  const seconds = (Date.now() - startedAt) / 1_000
  return { worker: await starting, startedAt, startCpuSeconds: await startCpu, seconds }
}

export async function openBench(redisUrl: string): Promise<Redis> {
  const redis = openCommandConnection(redisUrl, 'bench')
  await untilReady(redis, 5_000)
  return redis
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

const partitions = () => Array.from({ length: PARTITIONS }, (_, partition) => partition)

function metas(redis: Redis, field: string): Promise<(string | null)[]> {
  return Promise.all(partitions().map((p) => redis.hget(keys.meta(p), field)))
}
