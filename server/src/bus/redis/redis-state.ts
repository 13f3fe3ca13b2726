import type { Redis } from './connection.ts'
import { infoOf } from './redis-fitness.ts'

/** Memory, clients and persistence of a Redis. */
export interface RedisState {
  /** `host:port` of a master of a cluster; '' where there is one Redis, and of several together. */
  readonly node: string
  readonly usedBytes: number
  /** `maxmemory`; 0 without one. */
  readonly maxBytes: number
  /** Open connections of clients, and `maxclients`. */
  readonly clients: number
  readonly maxClients: number
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

/** Of several Redis as of one. */
export function together(states: readonly RedisState[]): RedisState {
  const sum = (of: (state: RedisState) => number) => states.reduce((total, state) => total + of(state), 0)
  return {
    node: '',
    usedBytes: sum(({ usedBytes }) => usedBytes),
    maxBytes: sum(({ maxBytes }) => maxBytes),
    clients: sum(({ clients }) => clients),
    maxClients: sum(({ maxClients }) => maxClients),
    aof: {
      isEnabled: states.every(({ aof }) => aof.isEnabled),
      isRewriting: states.some(({ aof }) => aof.isRewriting),
      hasWritten: states.every(({ aof }) => aof.hasWritten),
      hasRewritten: states.every(({ aof }) => aof.hasRewritten),
      bytes: sum(({ aof }) => aof.bytes),
      delayedFsyncs: sum(({ aof }) => aof.delayedFsyncs),
    },
  }
}

/** `undefined` where INFO is not permitted. */
export async function readRedisState(redis: Redis, node: string): Promise<RedisState | undefined> {
  const info = await infoOf(redis, 'clients', 'memory', 'persistence')
  if (info.size === 0) return undefined
  const number = (field: string) => Number(info.get(field) ?? 0)
  return {
    node,
    usedBytes: number('used_memory'),
    maxBytes: number('maxmemory'),
    clients: number('connected_clients'),
    maxClients: number('maxclients'),
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
