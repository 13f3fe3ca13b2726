import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { readSettings } from '../../../../server/src/config/settings/settings.ts'
import { findExecutable } from '../../../../server/src/supervisor/executable.ts'
import { usedBytes } from '../../support/memory.ts'
import type { RedisProcess } from '../../support/redis-process.ts'
import type { Scenario } from '../scenario.ts'

const HOLDS_MS = 4_000
const POLL_MS = 10
/** How long a foreign script blocks Redis. */
const SCRIPT_MS = 3_000
const BUSY_SCRIPT = `
local function now() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end
local until_ms = now() + ARGV[1]
while now() < until_ms do end`
/** About a megabyte of readings a second, and as much of what is made of them. */
const PAD_BYTES = 1_500
/** Room before anything is evicted: more than arrives until it must be noticed, less than arrives while it lasts. */
const ROOM_BYTES = 5_000_000
/** The policy is looked at once a second. */
const EVICTION_NOTICED_MS = 2_000
const KILLS = 20
const KILL_EVERY_MS = 100

/** Redis answers, but refuses its commands. */
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
    name: 'redis-slow-script',
    about: `somebody's script runs for ${SCRIPT_MS / 1_000} s, and Redis does nothing else`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { redis }, begin }) {
      const script = redis.command('EVAL', BUSY_SCRIPT, 0, SCRIPT_MS).catch(() => {})
      begin()
      await sleep(SCRIPT_MS)
      await redis.untilAnswering()
      await script
    },
  },
  {
    name: 'redis-readonly',
    about: `Redis becomes a replica of nobody for ${HOLDS_MS / 1_000} s: it answers, and takes no writes`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { redis }, begin }) {
      await redis.command('REPLICAOF', '127.0.0.1', 1)
      begin()
      await sleep(HOLDS_MS)
      await redis.command('REPLICAOF', 'NO', 'ONE')
    },
  },
  {
    name: 'redis-client-kill',
    about: `CLIENT KILL of all connections, ${KILLS} times, every ${KILL_EVERY_MS} ms`,
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    async disturb({ deployment: { redis }, begin }) {
      begin()
      for (let i = 0; i < KILLS; i++) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await sleep(KILL_EVERY_MS)
      }
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
    name: 'redis-evicts',
    about: `somebody sets maxmemory-policy allkeys-lru and a small maxmemory for ${HOLDS_MS / 1_000} s`,
    deployment: { fsync: 'everysec' },
    load: { padBytes: PAD_BYTES },
    publishing: 'fails',
    readiness: 'turns red',
    isNoticedInMs: EVICTION_NOTICED_MS,
    async disturb({ deployment: { redis }, begin }) {
      const used = usedBytes(`${await redis.command('INFO', 'memory')}`)
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', used + ROOM_BYTES)
      begin()
      await sleep(HOLDS_MS)
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', 0)
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
