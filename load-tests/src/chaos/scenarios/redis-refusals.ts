import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { readSettings } from '../../../../server/src/config/settings.ts'
import { findExecutable } from '../../../../server/src/supervisor/executable.ts'
import type { RedisProcess } from '../redis-process.ts'
import type { Scenario } from '../scenario.ts'

const HOLDS_MS = 4_000
const POLL_MS = 10

/** Redis is there, and does not do what it is asked. */
export const REDIS_REFUSALS: readonly Scenario[] = [
  {
    name: 'redis-pause',
    about: `CLIENT PAUSE ${HOLDS_MS} ALL: connections stay, nothing is answered`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { redis }, begin }) {
      await redis.command('CLIENT', 'PAUSE', HOLDS_MS, 'ALL')
      begin()
      await sleep(HOLDS_MS)
      await redis.untilAnswering()
    },
  },
  {
    name: 'redis-oom',
    about: `maxmemory is reached for ${HOLDS_MS / 1_000} s`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'may turn red',
    async disturb({ deployment: { redis }, begin }) {
      await redis.command('CONFIG', 'SET', 'maxmemory', 1)
      begin()
      await sleep(HOLDS_MS)
      await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    },
  },
  {
    name: 'disk-full',
    about: `the append-only file cannot grow for ${HOLDS_MS / 1_000} s (RLIMIT_FSIZE): Redis refuses every write`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    impossible: () =>
      findExecutable(['prlimit'], readSettings().searchPath) === undefined ? 'there is no prlimit on PATH' : undefined,
    async disturb({ deployment: { redis }, begin }) {
      await limitFiles(redis, `${await redis.logBytes()}`)
      begin()
      await sleep(HOLDS_MS)
      await limitFiles(redis, 'unlimited')
      while (!(await takesWrites(redis))) await sleep(POLL_MS)
    },
  },
]

/** The soft limit only, which can be raised again without being root. */
async function limitFiles({ pid }: RedisProcess, bytes: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`])
}

function takesWrites(redis: RedisProcess): Promise<boolean> {
  return redis.command('SET', 'chaos', 1).then(
    () => true,
    () => false,
  )
}
