import { connectionFault } from '../connection-fault.ts'
import { BusMismatch, BusUnreachable } from '../errors.ts'
import { keys } from '../keys.ts'
import { openPartition } from '../log/lineage.ts'
import type { Redis, RedisOf } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'

const PARTITIONS_SCRIPT: Script = loadScript('open-partitions', { allowOom: true })

/**
 * Checks that this process and the data in Redis agree, writing what is missing on the first start: the partition
 * count, which decides where every key lies, and each partition's meta.
 *
 * @throws BusMismatch with what to do.
 */
export async function openTopology(redisOf: RedisOf, partitions: number): Promise<void> {
  const stored = await countedPartitions(redisOf(keys.cluster), partitions)
  if (stored !== partitions) {
    throw new BusMismatch(
      `The data in Redis has ${stored} partitions, the config says ${partitions}. Set TIDEGATE_PARTITIONS=${stored}, or use ` +
        'another Redis database or data folder. `tidegate partitions grow` gives stored data more.',
    )
  }
  for (let partition = 0; partition < partitions; partition++) {
    await openPartition(redisOf(keys.meta(partition)), partition)
  }
}

/** The partition count of the data, which are given one if they have none. */
async function countedPartitions(redis: Redis, partitions: number): Promise<number> {
  // Not HSETNX: a full Redis refuses that, and has to be started on.
  const reply = runScript(redis, PARTITIONS_SCRIPT, [keys.cluster], [partitions])
  return reply.then(Number).catch((error: Error) => {
    // The first write of a start shows what the user may not do, or what this Redis does not accept.
    throw error.name === 'ReplyError'
      ? new BusUnreachable(`Redis cannot be used: ${connectionFault(error).why}`)
      : error
  })
}

/** The partition count of the data in Redis; `undefined` for an empty Redis. */
export async function storedPartitions(redis: Redis): Promise<number | undefined> {
  const stored = await redis.hget(keys.cluster, 'partitions')
  return stored === null ? undefined : Number(stored)
}
