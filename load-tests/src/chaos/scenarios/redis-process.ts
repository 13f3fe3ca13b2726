import { setTimeout as sleep } from 'node:timers/promises'
import type { Fsync } from '../../support/redis-server.ts'
import type { Scenario } from '../scenario.ts'

/** How long Redis is away: longer than any deadline, and leases run out. */
const AWAY_MS = 4_000
/** About half a second of the load. */
const UNWRITTEN_BYTES = 100_000

const kill9 = (fsync: Exclude<Fsync, 'none'>): Scenario => ({
  name: `redis-kill9-${fsync}`,
  about: `kill -9 of Redis with appendfsync ${fsync}, ${AWAY_MS / 1_000} s later another on the same file`,
  deployment: { fsync },
  publishing: 'fails',
  readiness: 'turns red',
  ...(fsync === 'everysec' && { mayLose: true }),
  async disturb({ deployment: { redis }, begin }) {
    await redis.end('SIGKILL')
    begin()
    await sleep(AWAY_MS)
    await redis.start()
  },
})

/** Redis ends, hangs, and comes back with all, some or none of its data. */
export const REDIS_PROCESS: readonly Scenario[] = [
  kill9('always'),
  kill9('everysec'),
  {
    name: 'redis-power-loss',
    about: 'kill -9 of Redis, and what it had not yet flushed is missing from its file when it starts again',
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'may turn red',
    mayLose: true,
    async disturb({ deployment: { redis }, begin }) {
      await redis.end('SIGKILL')
      begin()
      await redis.cutLog(UNWRITTEN_BYTES)
      await redis.start()
    },
  },
  {
    name: 'redis-sigstop',
    about: `Redis hangs: SIGSTOP for ${AWAY_MS / 1_000} s`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { redis }, begin }) {
      redis.suspend()
      begin()
      await sleep(AWAY_MS)
      redis.resume()
      await redis.untilAnswering()
    },
  },
  {
    name: 'redis-restart-aof',
    about: 'Redis ends by SIGTERM and starts again at once on its file',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    async disturb({ deployment: { redis }, begin }) {
      begin()
      await redis.end('SIGTERM')
      await redis.start()
    },
  },
  {
    name: 'redis-restart-empty',
    about: 'Redis ends by SIGTERM and comes back with nothing',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    mayLose: true,
    async disturb({ deployment: { redis }, begin }) {
      begin()
      await redis.end('SIGTERM')
      await redis.wipe()
      await redis.start()
    },
  },
]
