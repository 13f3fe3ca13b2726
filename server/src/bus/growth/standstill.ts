import { setTimeout as sleep } from 'node:timers/promises'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import type { Masters } from '../redis/masters.ts'

/** Processes that were told to stop take so long, about. */
const PATIENCE_MS = 6_500
const POLL_MS = 250
const CONNECTION = /^id=(\d+) addr=(\S*) .*?\bname=(\S*) .*?\bdb=(\d+)/gm
const OURS = 'tidegate-'

/**
 * Waits until no process of the deployment is connected, suspended ones included: one that comes back would store by the former
 * number of partitions. Heartbeats would only show those that are awake.
 *
 * @throws BusMismatch with those that run
 */
export async function untilNobodyRuns({ all }: Masters, stopped: AbortSignal, patienceMs = PATIENCE_MS): Promise<void> {
  for (const until = performance.now() + patienceMs; ; await sleep(POLL_MS)) {
    stopped.throwIfAborted()
    const others = (await Promise.all(all.map(othersOn))).flat()
    if (others.length === 0) return
    if (performance.now() < until) continue
    throw new BusMismatch(
      `Processes of this deployment use this Redis: ${others.slice(0, 8).join(', ')}. Stop gateways, then workers, and ` +
        'commands such as `tidegate tail`; connections of a machine that is gone end with CLIENT KILL.',
    )
  }
}

/** Other connections of the same database, as `gateway-append at 10.0.0.7:5123`. */
async function othersOn(redis: Redis): Promise<string[]> {
  const own = await redis.client('ID')
  const listed = [...((await redis.client('LIST')) as string).matchAll(CONNECTION)]
  const database = listed.find(([, id]) => Number(id) === own)?.[4]
  return listed.flatMap(([, id, address, name, db]) =>
    Number(id) !== own && db === database && name!.startsWith(OURS)
      ? [`${name!.slice(OURS.length)} at ${address}`]
      : [],
  )
}

/** A backfill that is half done cannot be divided. @throws BusMismatch with what to do */
export async function refuseBackfills(masters: Masters): Promise<void> {
  for (const entry of await masters.of(keys.backfills).smembers(keys.backfills)) {
    const space = entry.indexOf(' ')
    const [partition, window] = [Number(entry.slice(0, space)), entry.slice(space + 1)]
    const backfill = keys.backfill(partition, window)
    if ((await masters.of(backfill).hget(backfill, 'status')) !== 'open') continue
    throw new BusMismatch(`A backfill of ${window} is under way. Start the workers, and stop them when it is done.`)
  }
}
