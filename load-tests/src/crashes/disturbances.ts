import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { countChanged, holdCommit, isAllOwned, letThrough, metasOf } from '../support/owners.ts'
import type { RedisProcess } from '../support/redis-process.ts'
import type { LogWriter } from './log-writer.ts'
import type { Workers } from './workers.ts'

/** Counts of disturbances that took effect: one without effect proves nothing. */
export interface Hits {
  /** Commits that were sent, and not stored because their worker was killed. */
  commitsNotStored: number
  /** Commits that were stored while their worker slept, which was then killed. */
  commitsUnanswered: number
  /** Logs of partitions that had lost their end when they were written again. */
  lostTails: number
  /** Partitions that others had taken over when their owner woke. */
  takenFromSleepers: number
}

export const noHits = (): Hits => ({ commitsNotStored: 0, commitsUnanswered: 0, lostTails: 0, takenFromSleepers: 0 })

export interface Stage {
  readonly server: RedisProcess
  readonly redis: Redis
  readonly partitions: number
  readonly workers: Workers
  readonly writer: LogWriter
  readonly random: () => number
  /** Background disturbances while the log is being written. */
  readonly beside: Promise<unknown>[]
  readonly hits: Hits
}

/** Longer than an owner's heartbeat is believed; then until others have taken over, if there are any. */
const ASLEEP_MIN_MS = 1_600
const ASLEEP_MAX_MS = 5_000
const PAUSE_MS = 700
/** Longer than an input must be quiet to be idle. */
const SILENCE_MS = 2_600
/** Enough for Redis to serve what it held back. */
const STORED_MS = 40
/** About half a second of writes; mostly less is cut off. */
const LOST_MAX_BYTES = 200_000
/** Workers commit again. */
const BETWEEN_STARTS_MS = 800

/** Steps of a schedule. While one that returns a promise is under way, nothing is written. */
export const DISTURBANCES: Readonly<Record<string, (stage: Stage) => void | Promise<void>>> = {
  'kill -9 of a worker': ({ workers, random, beside }) => {
    beside.push(workers.crash(random()))
  },
  'kill -9 of both workers': ({ workers, random, beside }) => {
    beside.push(workers.crash(random()), workers.crash(random()))
  },
  'kill -9 before a commit is stored': async ({ redis, workers, beside, hits }) => {
    const node = await holdCommit(redis)
    if (node !== undefined) {
      hits.commitsNotStored++
      beside.push(workers.crashNode(node))
      await pause(STORED_MS)
    }
    await letThrough(redis)
  },
  'kill -9 between a commit and its reply': async ({ redis, workers, beside, hits }) => {
    const node = await holdCommit(redis)
    const sleeper = workers.freeze((each) => each === node)
    if (sleeper === undefined) return letThrough(redis)
    const before = await metasOf(redis, sleeper.node, 'commitSeq')
    await letThrough(redis)
    await pause(STORED_MS)
    hits.commitsUnanswered += await countChanged(redis, before, 'commitSeq')
    beside.push(workers.crashNode(sleeper.node))
  },
  'worker asleep past takeover': async ({ redis, partitions, workers, random, beside, hits }) => {
    const which = random()
    const sleeper = workers.freeze((_, i, count) => i === Math.floor(which * count))
    if (sleeper === undefined) return
    const before = await metasOf(redis, sleeper.node, 'token')
    const wakeLater = async () => {
      const deadline = performance.now() + ASLEEP_MAX_MS
      await pause(ASLEEP_MIN_MS)
      while (performance.now() < deadline && !(await isAllOwned(redis, partitions).catch(() => false))) await pause(50)
      if (sleeper.wake()) hits.takenFromSleepers += await countChanged(redis, before, 'token').catch(() => 0)
    }
    beside.push(wakeLater())
  },
  'hand-over by SIGTERM': ({ workers, random, beside }) => {
    if (workers.count > 1) beside.push(workers.stop(random()).then(() => workers.start(1)))
  },
  'another worker': ({ workers, beside }) => {
    if (workers.count < 4) beside.push(workers.start(1))
  },
  'one worker less': ({ workers, random, beside }) => {
    if (workers.count > 1) beside.push(workers.stop(random()))
  },
  'connections cut': async ({ redis }) => {
    for (const id of await workerConnections(redis)) await redis.call('CLIENT', 'KILL', 'ID', id)
  },
  'commits unanswered, then connections cut': async ({ redis }) => {
    await redis.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE')
    await pause(PAUSE_MS / 2)
    for (const id of await workerConnections(redis)) await redis.call('CLIENT', 'KILL', 'ID', id)
    await pause(PAUSE_MS)
  },
  'restart of Redis': async ({ server, redis }) => {
    await server.end('SIGTERM')
    await restart(server, redis)
  },
  'kill -9 of Redis': async ({ server, redis, writer }) => {
    await kill(server, writer)
    await restart(server, redis)
  },
  'kill -9 of Redis, the end of its file lost': async ({ server, redis, writer, random }) => {
    await kill(server, writer)
    await server.cutLog(1 + Math.floor(random() ** 2 * LOST_MAX_BYTES))
    await restart(server, redis)
  },
  'kill -9 of Redis and all workers, the end of its file lost': async (stage) => {
    const { server, redis, writer, workers, random, beside } = stage
    await kill(server, writer)
    for (let count = workers.count; count > 0; count--) beside.push(workers.crash(0))
    await server.cutLog(1 + Math.floor(random() ** 2 * LOST_MAX_BYTES))
    await restart(server, redis)
  },
  'kill -9 of Redis within a transaction, then a restart': async ({ server, redis, writer }) => {
    await kill(server, writer)
    await server.tearLog((await server.logBytes()) - LOST_MAX_BYTES)
    await restart(server, redis)
    await pause(BETWEEN_STARTS_MS)
    await server.end('SIGTERM')
    await restart(server, redis)
  },
  'silence everywhere': async () => {
    await pause(SILENCE_MS)
  },
  'silence in half of the partitions': ({ writer, random }) => {
    writer.silence(Math.floor(random() * 2), SILENCE_MS)
  },
}

async function kill(server: RedisProcess, writer: LogWriter): Promise<void> {
  writer.keepRecent()
  await server.end('SIGKILL')
}

async function restart(server: RedisProcess, redis: Redis): Promise<void> {
  await server.start()
  while (redis.status !== 'ready') await pause(20)
}

/** Ids of the connections on which workers send commands. */
async function workerConnections(redis: Redis): Promise<string[]> {
  const list = (await redis.call('CLIENT', 'LIST')) as string
  return list
    .split('\n')
    .filter((line) => / name=tidegate-/.test(line) && !line.includes('name=tidegate-crashes'))
    .map((line) => /^id=(\d+)/.exec(line)![1]!)
}
