import type { Redis } from './connection.ts'
import { infoOf } from './redis-fitness.ts'

/** Memory and persistence of a Redis. */
export interface RedisState {
  readonly usedBytes: number
  /** `maxmemory`; 0 without one. */
  readonly maxBytes: number
  readonly aof: {
    readonly isEnabled: boolean
    readonly isRewriting: boolean
    /** Whether the last write to the file went well. */
    readonly hasWritten: boolean
    readonly hasRewritten: boolean
    readonly bytes: number
    /** Writes that waited because an fsync was slow. */
    readonly delayedFsyncs: number
  }
}

/** Of several Redis as of one; `undefined` if one of them is not known. */
export function together(states: readonly (RedisState | undefined)[]): RedisState | undefined {
  const known = states.filter((state) => state !== undefined)
  if (known.length < states.length) return undefined
  const sum = (of: (state: RedisState) => number) => known.reduce((total, state) => total + of(state), 0)
  return {
    usedBytes: sum(({ usedBytes }) => usedBytes),
    maxBytes: sum(({ maxBytes }) => maxBytes),
    aof: {
      isEnabled: known.every(({ aof }) => aof.isEnabled),
      isRewriting: known.some(({ aof }) => aof.isRewriting),
      hasWritten: known.every(({ aof }) => aof.hasWritten),
      hasRewritten: known.every(({ aof }) => aof.hasRewritten),
      bytes: sum(({ aof }) => aof.bytes),
      delayedFsyncs: sum(({ aof }) => aof.delayedFsyncs),
    },
  }
}

/** `undefined` where INFO is not permitted. */
export async function readRedisState(redis: Redis): Promise<RedisState | undefined> {
  const info = await infoOf(redis, 'memory', 'persistence')
  if (info.size === 0) return undefined
  const number = (field: string) => Number(info.get(field) ?? 0)
  return {
    usedBytes: number('used_memory'),
    maxBytes: number('maxmemory'),
    aof: {
      isEnabled: info.get('aof_enabled') === '1',
      isRewriting: info.get('aof_rewrite_in_progress') === '1',
      hasWritten: info.get('aof_last_write_status') !== 'err',
      hasRewritten: info.get('aof_last_bgrewrite_status') !== 'err',
      bytes: number('aof_current_size'),
      delayedFsyncs: number('aof_delayed_fsync'),
    },
  }
}
