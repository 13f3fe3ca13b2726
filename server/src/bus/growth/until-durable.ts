import { setTimeout as sleep } from 'node:timers/promises'
import { BusUnreachable } from '../errors.ts'
import type { Masters } from '../redis/masters.ts'
import { parseInfo } from '../redis/redis-fitness.ts'

/** For what a Redis has stored. */
export interface Patience {
  /** How long a Redis is given to bring all of it to its file. */
  readonly settleMs: number
  /** How long its replicas may take to confirm it. */
  readonly confirmMs: number
}

/**
 * Resolves when neither a crash of a Redis nor a failover takes back what was written over these connections.
 *
 * @throws BusUnreachable where a replica does not confirm it
 */
export async function untilDurable(masters: Masters, { settleMs, confirmMs }: Patience): Promise<void> {
  const { all } = masters
  const infos = await Promise.all(all.map(async (redis) => parseInfo(await redis.info())))
  const isWritten = infos.some((info) => info.get('aof_enabled') === '1') ? sleep(settleMs) : undefined
  await Promise.all(
    all.map(async (redis, i) => {
      const replicas = Number(infos[i]!.get('connected_slaves') ?? 0)
      const confirming = replicas === 0 ? 0 : await redis.wait(replicas, confirmMs)
      if (confirming < replicas) throw unconfirmed(masters.nameOf(redis), confirming, replicas)
    }),
  )
  await isWritten
}

function unconfirmed(node: string, confirming: number, replicas: number): BusUnreachable {
  return new BusUnreachable(
    `Only ${confirming} of ${replicas} replicas of ${node === '' ? 'Redis' : node} have confirmed what was written. Run this again ` +
      'when all follow it.',
  )
}
