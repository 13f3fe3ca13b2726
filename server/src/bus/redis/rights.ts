import { BusMismatch } from '../errors.ts'
import { keys, QUEUE_PREFIX } from '../keys.ts'
import type { Redis } from './connection.ts'
import { loadScript, runScript, type Script } from './script.ts'

const MISSING_RIGHTS_SCRIPT: Script = loadScript('missing-rights', { isReading: true })

/** The kinds of processes that have users of their own in Redis. */
export type Role = 'gateway' | 'worker'

/** What every connection sends. */
const CONNECTION = ['client|id', 'client|setname', 'client|unblock', 'hello', 'ping']

/** What our scripts call, and what is sent beside them. */
const DATA =
  'evalsha exists get hdel hget hgetall hincrby hlen hmget hscan hset hsetnx info llen lrange ltrim memory|usage pexpire rename ' +
  'rpush sadd script|load set smembers srem time type unlink wait xadd xdel xinfo|stream xrange xread xrevrange xtrim ' +
  'zadd zrangebylex zrangebyscore zrem'

/** What BullMQ calls beyond that. Some of its scripts are sent whole at first. */
const QUEUES =
  'bzpopmin del eval hexists hmset incr incrby lindex lpop lpos lpush lrem lset persist pexpireat pttl quit rpop ' +
  'rpoplpush scard sismember xlen zcard zcount zlexcount zpopmin zrange zremrangebyrank zremrangebyscore zrevrange ' +
  'zrevrangebyscore zscore'

/** Calls of gateways that decide who is let in. */
const ACCESS = ['exec', 'getdel', 'multi']

/** Commands without which a process would fail sooner or later, as `ACL SETUSER` names them. */
export const RIGHTS: Readonly<Record<Role, readonly string[]>> = {
  gateway: [...CONNECTION, ...DATA.split(' '), ...ACCESS].sort(),
  worker: [...CONNECTION, ...DATA.split(' '), ...QUEUES.split(' ')].sort(),
}

/** Patterns of the keys. `{tg:jobs}` holds the queues, which only workers use. */
export const KEY_PATTERNS: Readonly<Record<Role, readonly string[]>> = {
  gateway: ['tg:*', '{tg:[0-9]*', '{tg:access}:*'],
  worker: ['tg:*', '{tg:*'],
}

/** @throws BusMismatch with the rights that the user of a process lacks, as `ACL SETUSER` takes them. */
export async function checkRights(redis: Redis, role: Role): Promise<void> {
  const places = [keys.meta(0), keys.contract, role === 'worker' ? `${QUEUE_PREFIX}:x` : keys.accessVersion]
  const needed = [
    ...RIGHTS[role].map((right) => ({ right: `+${right}`, command: example(right, keys.meta(0)) })),
    ...places.map((key) => ({ right: `~${patternOf(key)}`, command: ['HSET', key, 'x', 'x'] })),
  ]
  const { unknown, forbidden } = await lacking(
    redis,
    needed.map(({ command }) => command),
  )
  if (unknown.length > 0) throw unknownCommands(unknown.map((place) => needed[place]!.command[0]!))
  if (forbidden.length === 0) return
  const rights = new Set(forbidden.map((place) => needed[place]!.right))
  throw new BusMismatch(
    `This Redis cannot be used: the user of REDIS_URL lacks rights that a ${role} needs (docs/redis.md). ` +
      `ACL SETUSER <user> ${[...rights].join(' ')}`,
  )
}

function unknownCommands(names: readonly string[]): BusMismatch {
  const list = [...new Set(names)].map((name) => name.toUpperCase()).join(', ')
  return new BusMismatch(
    `This Redis cannot be used: it does not know ${list}. Take \`rename-command\` out of its configuration.`,
  )
}

interface Lacking {
  /** Places of commands that this Redis does not know. */
  readonly unknown: readonly number[]
  /** Places of those that the user may not run. */
  readonly forbidden: readonly number[]
}

async function lacking(redis: Redis, commands: readonly (readonly string[])[]): Promise<Lacking> {
  try {
    // A Redis that is paused holds back a script that it does not know yet, even if it only reads.
    await redis.script('LOAD', MISSING_RIGHTS_SCRIPT.source)
    const texts = commands.map((command) => JSON.stringify(command))
    const places = (await runScript(redis, MISSING_RIGHTS_SCRIPT, [], texts)) as number[]
    return {
      unknown: places.filter((place) => place < 0).map((place) => -place - 1),
      forbidden: places.filter((place) => place > 0).map((place) => place - 1),
    }
  } catch (error) {
    if (error instanceof Error && /^ERR unknown command/.test(error.message)) {
      throw unknownCommands(['script', 'evalsha'])
    }
    // Not even scripts may be run: what else is missing is said at the next start.
    if (error instanceof Error && error.message.startsWith('NOPERM')) {
      const places = commands.flatMap(([name], place) => (name === 'evalsha' || name === 'script' ? [place] : []))
      return { unknown: [], forbidden: places }
    }
    throw error
  }
}

function patternOf(key: string): string {
  if (key === keys.accessVersion) return '{tg:access}:*'
  return key.startsWith('{') ? '{tg:*' : 'tg:*'
}

/** A call of a command whose keys can be found. */
function example(right: string, key: string): string[] {
  const words = right.split('|')
  switch (words[0]) {
    case 'evalsha':
    case 'eval':
      return [words[0], '', '1', key]
    case 'bzpopmin':
      return [words[0], key, '0']
    case 'del':
    case 'exists':
    case 'unlink':
      return [words[0], key]
    case 'xread':
      return ['xread', 'STREAMS', key, '0']
    case 'rename':
    case 'rpoplpush':
      return [words[0]!, key, key]
    case 'script':
    case 'client':
    case 'exec':
    case 'hello':
    case 'multi':
    case 'info':
    case 'ping':
    case 'quit':
    case 'time':
    case 'wait':
      return words
    default:
      return [...words, key, '0', '0', '0']
  }
}
