import { setTimeout as sleep } from 'node:timers/promises'
import { LANES } from '@tidegate/protocol'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { readStoredEvents, type StoredEvent } from '../support/stored-events.ts'
import { type Deployment, PARTITIONS } from './deployment.ts'
import type { Keeper } from './keeper.ts'
import { differences, Fold, type LatestSubscriber, type LatestTopic } from './latest.ts'
import { COPY, NOTE } from './losses.config.ts'
import type { Publishers } from './publishers.ts'
import type { Subscriber } from './subscriber.ts'
import { untilNothing } from './waits.ts'

const SETTLE_DEADLINE_MS = 20_000
/** For what comes twice. */
const QUIET_MS = 300

/** Waits until everybody has everything, and every fold is that of the log. @returns the logs */
export async function settle(
  deployment: Deployment,
  publishers: Publishers,
  subscribers: readonly Subscriber[],
  folds: readonly LatestSubscriber[],
  keepers: readonly Keeper[],
): Promise<Map<typeof NOTE | typeof COPY, StoredEvent[]>> {
  const everybody = [...subscribers, ...folds]
  await untilNothing(SETTLE_DEADLINE_MS, () =>
    everybody.filter(({ isReady }) => !isReady).map(({ name }) => `${name} to be ready again`),
  )
  await untilNothing(SETTLE_DEADLINE_MS, () => [...publishers.unanswered.values()])
  const ends = Array.from({ length: PARTITIONS }, (_, partition) =>
    LANES.map((lane, i) => ({ partition, lane, id: publishers.end(partition, i) })),
  ).flat()
  await untilNothing(SETTLE_DEADLINE_MS, () => [...publishers.unanswered.values()])
  await untilNothing(SETTLE_DEADLINE_MS, () => subscribers.flatMap((subscriber) => lacking(subscriber, ends)))
  const redis = await deployment.connect()
  try {
    await untilNothing(SETTLE_DEADLINE_MS, async () => [
      ...(await Promise.all(folds.map((fold) => differing(redis, fold)))).flat(),
      ...(await differingTotals(folds, publishers.added)),
    ])
    await untilNothing(SETTLE_DEADLINE_MS, () => keepers.flatMap((keeper) => keeper.differing(subscribers, folds)))
    await sleep(QUIET_MS)
    const stored = new Map<typeof NOTE | typeof COPY, StoredEvent[]>()
    for (const topic of [NOTE, COPY] as const) stored.set(topic, await logsOf(redis, topic))
    return stored
  } finally {
    redis.disconnect()
  }
}

function lacking(
  subscriber: Subscriber,
  ends: readonly { readonly partition: number; readonly lane: (typeof LANES)[number]; readonly id: string }[],
): string[] {
  return ends.flatMap(({ partition, lane, id }) => {
    const own = subscriber.topic === COPY ? 'normal' : lane
    if (!subscriber.lanes.includes(own)) return []
    if (subscriber.of(partition, own).some((told) => told.kind === 'event' && told.id === id)) return []
    const last = JSON.stringify(subscriber.of(partition, own).at(-1))
    return [`${id} at ${subscriber.name} of ${subscriber.topic} ${partition} ${own}, which has ${last}`]
  })
}

async function logsOf(redis: Redis, topic: string): Promise<StoredEvent[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => readStoredEvents(redis, partition, topic))
  return (await Promise.all(partitions)).flat()
}

/** Where a fold is not that of the log. */
async function differing(redis: Redis, { name, topic, latest }: LatestSubscriber): Promise<string[]> {
  const log = new Fold()
  for (const { body } of await logsOf(redis, topic)) log.take(body)
  return differences(name, latest, log.latest)
}

/** Every command that was answered has added once, and every addition was taken once, and its counter knows. */
function differingTotals(folds: readonly LatestSubscriber[], added: number): string[] {
  const sumOf = (topic: LatestTopic, member: string) =>
    [...folds.find((fold) => fold.topic === topic)!.latest.values()].reduce((sum, text) => {
      const { state } = JSON.parse(text.slice(text.indexOf(' ') + 1)) as { readonly state: Record<string, number> }
      return sum + state[member]!
    }, 0)
  return [
    { what: 'added', sum: sumOf('counter.state', 'sum') },
    { what: 'taken', sum: sumOf('total.state', 'sum') },
    { what: 'carried', sum: sumOf('counter.state', 'carried') },
  ].flatMap(({ what, sum }) => (sum === added ? [] : [`${added} ${what} in place of ${sum}`]))
}
