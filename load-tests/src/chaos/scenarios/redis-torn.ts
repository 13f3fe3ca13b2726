import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisOptions } from '../../support/redis-process.ts'
import type { Fsync } from '../../support/redis-server.ts'
import type { Scenario, Stage } from '../scenario.ts'

/** Time for writes to resume after an attempt that tore nothing: breakers have opened meanwhile. */
const BETWEEN_ATTEMPTS_MS = 2_000
const MAX_ATTEMPTS = 10
/** Calls wait this long for answers and are then sent again: appends and commits are among the writes. */
const UNANSWERED_MS = 400
/** Between the two starts: workers commit again, and events are published. */
const BETWEEN_MS = 2_000

/** About 200 kB in one append, and in one commit. */
const LARGE_WRITES = { bursts: { everyMs: 300, events: 100, padBytes: 2_000 } } as const
const KILLS = 20
const LIVES_MIN_MS = 200
const LIVES_MAX_MS = 1_200

/**
 * kill -9 in the middle of a transaction without an answer: from some moment on Redis still receives commands and its
 * answers are lost, so that nothing cut off afterwards was acknowledged, whatever `appendfsync` says.
 */
async function killWhileWriting({ deployment: { redis, link } }: Stage): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    link.mute()
    const answeredUpTo = await redis.logBytes()
    await sleep(UNANSWERED_MS)
    await redis.end('SIGKILL')
    link.cut()
    const isTorn = await redis.tearLog(answeredUpTo)
    // Nothing passes until its owner has done what is to be done after such a start.
    link.blackHole()
    await redis.start()
    if (isTorn) return
    link.heal()
    await sleep(BETWEEN_ATTEMPTS_MS)
  }
  throw new Error(`nobody was writing in any of ${MAX_ATTEMPTS} attempts`)
}

const doubleRestart = (
  whose: string,
  redis: RedisOptions,
  afterStart: (stage: Stage) => unknown = () => {},
): Scenario => ({
  name: `redis-torn-twice-${whose}-${redis.fsync}`,
  about: `kill -9 of Redis (${whose}, appendfsync ${redis.fsync}) within a transaction, a start, and another start ${BETWEEN_MS / 1_000} s later`,
  deployment: redis,
  load: LARGE_WRITES,
  mayFillOutbox: true,
  publishing: 'may fail',
  readiness: 'may turn red',
  ...(redis.fsync === 'everysec' && { mayLose: true }),
  async disturb(stage) {
    const { deployment, begin } = stage
    begin()
    await killWhileWriting(stage)
    await afterStart(stage)
    deployment.link.heal()
    await sleep(BETWEEN_MS)
    await deployment.redis.end('SIGTERM')
    await deployment.redis.start()
  },
})

const killedOften = (fsync: Exclude<Fsync, 'none'>): Scenario => ({
  name: `redis-kill9-${KILLS}-times-${fsync}`,
  about: `${KILLS} times kill -9 of the private Redis, appendfsync ${fsync}, at random moments, with commits of 200 kB; started again at once`,
  deployment: { fsync, isOwn: true },
  load: LARGE_WRITES,
  mayFillOutbox: true,
  publishing: 'may fail',
  readiness: 'may turn red',
  ...(fsync === 'everysec' && { mayLose: true }),
  async disturb({ deployment: { redis }, random, begin }) {
    begin()
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(LIVES_MIN_MS + random() * (LIVES_MAX_MS - LIVES_MIN_MS))
      await redis.end('SIGKILL')
      await redis.start()
    }
  },
})

/**
 * Redis was killed in the middle of a write: it cuts off the torn end, and must not find the rest at its next start.
 */
export const REDIS_TORN: readonly Scenario[] = [
  ...(['always', 'everysec'] as const).flatMap((fsync) => [
    doubleRestart('private', { fsync, isOwn: true }),
    doubleRestart('foreign', { fsync }, ({ deployment: { redis } }) => redis.rewriteLog()),
    killedOften(fsync),
  ]),
]
