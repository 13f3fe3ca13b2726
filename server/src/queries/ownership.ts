import { HEARTBEAT_FRESH_MS, keys, type Redis } from '../bus/index.ts'

export interface PartitionOwner {
  readonly partition: number
  readonly owned: boolean
  /** Age of the owner's last heartbeat, ms; absent when nobody ever owned the partition. */
  readonly heartbeatAgeMs?: number
}

/** Which partitions have a live owner, by the heartbeats in Redis and its own clock. */
export async function ownership(redis: Redis, partitions: number): Promise<PartitionOwner[]> {
  const pipeline = redis.pipeline().time()
  for (let partition = 0; partition < partitions; partition++) {
    pipeline.hmget(keys.meta(partition), 'heartbeat', 'released')
  }
  const [time, ...metas] = (await pipeline.exec()) ?? []
  const [seconds, micros] = time![1] as [string, string]
  const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  return metas.map(([error, value], partition) => {
    if (error !== null) throw error
    const [heartbeat, released] = value as [string | null, string | null]
    if (heartbeat === null) return { partition, owned: false }
    const heartbeatAgeMs = Math.max(0, now - Number(heartbeat))
    return { partition, owned: released !== '1' && heartbeatAgeMs <= HEARTBEAT_FRESH_MS, heartbeatAgeMs }
  })
}
