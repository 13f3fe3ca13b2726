import { setTimeout as sleep } from 'node:timers/promises'
import { keys } from '../../../server/src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { slotOf } from '../../../server/src/bus/redis/hash-slot.ts'
import { readStoredEvents, type StoredEvent } from '../support/stored-events.ts'
import type { Deployment } from './deployment.ts'
import { findDerivedFaults } from './derived.ts'
import { type Fates, judge } from './fates.ts'
import type { Scenario } from './scenario.ts'
import type { SteadyLoad } from './steady-load.ts'
import { TOPICS, type WatchedTopic, type Watcher } from './watcher.ts'

/** Windows close when their input has been idle for 2 s and their time is over. */
const DRAIN_DEADLINE_MS = 12_000
/** Duplicates get this long to arrive. */
const REPEAT_MS = 500
/** What `next.config.ts` has more, and is put out whatever is published. */
const BROUGHT = ['chaos.later', 'chaos.later_overall', 'chaos.doubled']

export interface Account {
  readonly fates: Fates
  /** Missing or wrong results of workers, in words. */
  readonly derived: readonly string[]
}

/**
 * Waits until everything in the log was delivered or reported to every subscriber and is in every result, then judges.
 *
 * @param mayBeGoneBefore as in `Evidence`
 */
export async function drainAndJudge(
  { redisUrl, partitions }: Deployment,
  { events }: SteadyLoad,
  watchers: readonly Watcher[],
  mayBeGoneBefore: number | undefined,
  rollout: Scenario['rollout'],
): Promise<Account> {
  const connections = Array.from({ length: partitions }, (_, partition) =>
    openCommandConnection(redisUrl, 'chaos', { slot: slotOf(keys.meta(partition)) }),
  )
  const redisOf = (partition: number) => connections[partition]!
  const isLaterGone = rollout === 'is taken back'
  const brought = rollout === undefined ? [] : BROUGHT
  const look = async (): Promise<Account> => {
    const stored = new Map<WatchedTopic, readonly StoredEvent[]>()
    for (const topic of TOPICS) stored.set(topic, await storedIn(connections, topic))
    const wrong = await findDerivedFaults(redisOf, partitions, { isLaterGone })
    const missing = await emptyTopics(connections, brought)
    return { fates: judge({ published: events, stored, watchers, mayBeGoneBefore }), derived: [...wrong, ...missing] }
  }
  const isIncomplete = ({ fates, derived }: Account) => fates.lost + derived.length > 0
  try {
    await Promise.all(connections.map((connection) => untilReady(connection, DRAIN_DEADLINE_MS)))
    const deadline = performance.now() + DRAIN_DEADLINE_MS
    while (isIncomplete(await look()) && performance.now() < deadline) await sleep(REPEAT_MS)
    await sleep(REPEAT_MS)
    return await look()
  } finally {
    for (const connection of connections) connection.disconnect()
  }
}

/** Topics that hold nothing, in words. */
async function emptyTopics(byPartition: readonly Redis[], topics: readonly string[]): Promise<string[]> {
  const events = await Promise.all(topics.map((topic) => storedIn(byPartition, topic)))
  return topics.filter((_, i) => events[i]!.length === 0).map((topic) => `${topic} is empty`)
}

/** Events of a topic, partition by partition. */
async function storedIn(byPartition: readonly Redis[], topic: string): Promise<StoredEvent[]> {
  const each = byPartition.map((redis, partition) => readStoredEvents(redis, partition, topic))
  return (await Promise.all(each)).flat()
}
