import type { Redis } from './connection.ts'
import { isFresh } from './heartbeat.ts'
import { keys } from './keys.ts'
import { redisNow } from './redis-time.ts'

export interface PartitionOwner {
  readonly partition: number
  readonly owned: boolean
  /**
   * Age of the owner's last heartbeat, ms; below zero after Redis' clock was set back; absent when nobody ever owned
   * the partition.
   */
  readonly heartbeatAgeMs?: number
}

/** The partitions with a live owner, by the heartbeats in Redis and its own clock. */
export async function partitionOwners(redis: Redis, partitions: number): Promise<PartitionOwner[]> {
  const metas = Array.from({ length: partitions }, (_, partition) =>
    redis.hmget(keys.meta(partition), 'heartbeat', 'released'),
  )
  // Read last, so that no heartbeat lies ahead of it unless the clock was set.
  const [now, ...read] = await Promise.all([redisNow(redis), ...metas])
  return read.map(([heartbeat, released], partition) => {
    if (heartbeat == null) return { partition, owned: false }
    const heartbeatAgeMs = now - Number(heartbeat)
    return { partition, owned: released !== '1' && isFresh(heartbeatAgeMs), heartbeatAgeMs }
  })
}
