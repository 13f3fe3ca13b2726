import { BusMismatch } from '../errors.ts'
import type { Redis } from './connection.ts'

/** What a Redis reports about itself: fields of INFO. Empty where the user has no permission. */
export type RedisInfo = ReadonlyMap<string, string>

/** First version with script flags, which let commits through in a full Redis. */
const OLDEST_MAJOR = 7
/** The only policy under which Redis evicts nothing. */
const KEEPS_ALL = 'noeviction'

export function parseInfo(text: string): RedisInfo {
  return new Map([...text.matchAll(/^([a-z]\w*):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]))
}

/**
 * Why a Redis is not suitable, with what to do; `undefined` if it is. Pure.
 *
 * @param isNode whether the address is that of a cluster
 */
export function unfitness(info: RedisInfo, isNode = false): string | undefined {
  return kindFault(info, isNode) ?? evictionOf(info.get('maxmemory_policy'))
}

/** Why it can hold no data of Tidegate at all. */
function kindFault(info: RedisInfo, isNode: boolean): string | undefined {
  const version = info.get('redis_version')
  const mode = info.get('redis_mode')
  if (mode === 'sentinel')
    return 'it is a Sentinel, which holds no data. Use redis+sentinel://host:port/name for the master it watches.'
  if (!isNode && (mode === 'cluster' || info.get('cluster_enabled') === '1')) {
    return 'it is a node of a cluster, which holds a part. Use redis+cluster://host:port,host:port,... for all of it.'
  }
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    return `it is version ${version}. Tidegate needs ${OLDEST_MAJOR} or newer.`
  }
  if (info.get('role') === 'slave') {
    return 'it is a replica, which takes no writes. Use the address of its master, or redis+sentinel:// if Sentinels choose it.'
  }
  return undefined
}

/**
 * Why events could vanish, with what to do. `volatile-*` counts too: leases, the contract of the running processes and
 * everything else with a time to live would be evicted at the wrong moment.
 */
function evictionOf(policy: string | undefined): string | undefined {
  if (policy === undefined || policy === KEEPS_ALL) return undefined
  return (
    `its maxmemory-policy is ${policy}: when its memory is full it would remove what was acknowledged. ` +
    `Set it to ${KEEPS_ALL} (CONFIG SET maxmemory-policy ${KEEPS_ALL}, and in its configuration).`
  )
}

/** Checks that it is a Redis that may hold data of Tidegate, or a node that may. @throws {BusMismatch} with what to do. */
export async function checkKind(redis: Redis, isNode: boolean): Promise<void> {
  const reason = kindFault(await infoOf(redis), isNode)
  if (reason !== undefined) throw unusable(reason)
}

function unusable(reason: string): BusMismatch {
  return new BusMismatch(`This Redis cannot be used: ${reason}`)
}

/**
 * Checks at a start that a Redis can keep Tidegate's promises.
 *
 * @param isNode whether the address is that of a cluster
 * @param warn called with one line for everything that cannot be checked or that the operator has to take care of.
 * @throws {BusMismatch} with what to do.
 */
export async function checkRedis(redis: Redis, isNode: boolean, warn: (line: string) => void): Promise<void> {
  const info = await readInfo(redis)
  const reason = unfitness(info, isNode)
  if (reason !== undefined) throw unusable(reason)
  if (!info.has('maxmemory_policy')) {
    warn('Redis does not say its maxmemory-policy (no right to INFO or CONFIG): make sure that it is noeviction.')
  }
  if (info.get('aof_enabled') === '1' && (await readConfig(redis, 'aof-load-truncated')) !== 'no') {
    warn(
      'If this Redis is killed while it writes, run BGREWRITEAOF after its next start: one that truncated its append-only ' +
        'file may repeat half of a commit at the start after (or set aof-load-truncated no). See docs/guarantees.md.',
    )
  }
}

/** Checks on request whether a Redis has begun to evict keys, and how full it is. */
export class EvictionWatch {
  readonly #redis: Redis
  #reason: string | undefined
  #usedShare = 0

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Why nothing may be acknowledged, as last seen. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Used share of `maxmemory`, as last seen; 0 where Redis has no limit. */
  get usedShare(): number {
    return this.#usedShare
  }

  async look(): Promise<void> {
    const info = await readInfo(this.#redis, 'memory')
    const maxBytes = Number(info.get('maxmemory') ?? 0)
    this.#usedShare = maxBytes > 0 ? Number(info.get('used_memory') ?? 0) / maxBytes : 0
    const reason = evictionOf(info.get('maxmemory_policy'))
    this.#reason = reason === undefined ? undefined : `Redis may lose events: ${reason}`
  }
}

/** INFO; empty where it is not permitted. @param sections all that matter where none is named */
export async function infoOf(redis: Redis, ...sections: readonly string[]): Promise<RedisInfo> {
  return parseInfo(await redis.info(...sections).catch(unlessForbidden('')))
}

/** INFO, completed with the policy from CONFIG where INFO is not permitted or lacks it. */
async function readInfo(redis: Redis, ...section: ['memory'] | []): Promise<RedisInfo> {
  const info = await infoOf(redis, ...section)
  if (info.has('maxmemory_policy')) return info
  const policy = await readConfig(redis, 'maxmemory-policy')
  return policy === undefined ? info : new Map([...info, ['maxmemory_policy', policy]])
}

async function readConfig(redis: Redis, name: string): Promise<string | undefined> {
  const reply = (await redis.config('GET', name).catch(unlessForbidden([]))) as readonly string[]
  return reply[1]
}

/** A managed Redis may forbid or rename commands. */
export function unlessForbidden<T>(otherwise: T): (error: Error) => T {
  return (error) => {
    if (/^NOPERM|unknown command|not allowed/i.test(error.message)) return otherwise
    throw error
  }
}
