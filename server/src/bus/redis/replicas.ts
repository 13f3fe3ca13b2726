import { ReplicasMissing } from '../errors.ts'
import { keys } from '../keys.ts'
import type { Redis } from './connection.ts'

/** How long a call waits for replicas: less than the deadline of an append. */
const WAIT_MS = 130

/** Waits until replicas have everything that Redis holds now. @throws ReplicasMissing if too few of them confirm in time */
export async function replicated(redis: Redis, partition: number, replicas: number): Promise<void> {
  // WAIT covers only what this connection wrote, and what came before that.
  await redis.hset(keys.meta(partition), 'confirmed', Date.now())
  await confirmedBy(redis, replicas)
}

/** Waits until replicas have what this connection wrote. @throws ReplicasMissing if too few of them confirm in time */
export async function confirmedBy(redis: Redis, replicas: number): Promise<void> {
  if (replicas === 0) return
  const confirmed = await redis.wait(replicas, WAIT_MS)
  if (confirmed < replicas)
    throw new ReplicasMissing(`${confirmed} of ${replicas} replicas confirmed it in ${WAIT_MS} ms`)
}
