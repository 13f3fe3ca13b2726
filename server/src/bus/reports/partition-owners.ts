import { isFresh } from '../heartbeat.ts'
import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import { isElsewhere } from '../redis/outage.ts'
import { redisNow } from '../redis/redis-time.ts'

export interface PartitionOwner {
  readonly partition: number
  readonly owned: boolean
  /**
   * Age of the owner's last heartbeat, ms; below zero after Redis' clock was set back; absent when nobody ever owned
   * the partition.
   */
  readonly heartbeatAgeMs?: number
}

/**
 * Which of the partitions that a Redis holds have a live owner, by the heartbeats there and its own clock. One that is on its way
 * to another node is left out.
 */
export async function partitionOwners(redis: Redis, partitions: readonly number[]): Promise<PartitionOwner[]> {
  const metas = partitions.map((partition) =>
    redis.hmget(keys.meta(partition), 'heartbeat', 'released').catch((error) => {
      if (isElsewhere(error)) return undefined
      throw error
    }),
  )
  // Read last, so that no heartbeat lies ahead of it unless the clock was set.
  const [now, ...read] = await Promise.all([redisNow(redis), ...metas])
  return read.flatMap((fields, i): PartitionOwner[] => {
    if (fields === undefined) return []
    const partition = partitions[i]!
    const [heartbeat, released] = fields
    if (heartbeat == null) return [{ partition, owned: false }]
    const heartbeatAgeMs = now - Number(heartbeat)
    return [{ partition, owned: released !== '1' && isFresh(heartbeatAgeMs), heartbeatAgeMs }]
  })
}
