import type { EventBody } from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import type { Pane } from '../../../server/src/config/contract/model.ts'
import { eachStoredEvent } from '../support/stored-events.ts'

/** A connection to the Redis that holds a partition. */
type RedisOf = (partition: number) => Redis

interface Total {
  readonly count: number
  readonly sum: number
}

/** The windows of one partition, or over all of them: `key start` -> what they hold. */
type Totals = Map<string, Total>

const SIZE_MS = 1_000
const MAX_EXAMPLES = 5

/**
 * The differences, in words, between the results that workers stored - a flow, a window by key with its late topic, and
 * one over all partitions - and those that follow from the readings in the log. Every reading is once in the flow, once
 * in the pane of its key or in the late topic, and once in the pane over all; each revision of a pane is stored once.
 *
 * Which readings are late depends on clocks and on the last watermark; that each is accounted for does not.
 *
 * @param options.isLaterGone whether the config that brings windows later was taken back
 */
export async function findDerivedFaults(
  redisOf: RedisOf,
  partitions: number,
  { isLaterGone = false } = {},
): Promise<readonly string[]> {
  const faults = new Faults()
  const overall: Totals = new Map()
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  for (const partition of all) {
    const redis = redisOf(partition)
    const flow = await idsOf(redis, partition, 'chaos.fahrenheit', faults)
    const late = new Map<string, Set<string>>()
    for (const topic of BY_SENSOR) late.set(topic, await idsOf(redis, partition, `${topic}.late`, faults))
    const bySensor = new Map<string, Totals>(BY_SENSOR.map((topic) => [topic, new Map()]))
    await eachStoredEvent(redis, partition, 'chaos.reading', ({ body }) => {
      if (!flow.delete(body.id)) faults.add(`chaos.fahrenheit: ${body.id} is missing`)
      const { n, sensorId } = body.data as { readonly n: number; readonly sensorId: string }
      const start = Math.floor(body.time / SIZE_MS) * SIZE_MS
      addTo(overall, `* ${start}`, n)
      for (const [topic, totals] of bySensor) {
        if (!late.get(topic)!.delete(body.id)) addTo(totals, `${sensorId} ${start}`, n)
      }
    })
    for (const id of flow) faults.add(`chaos.fahrenheit: ${id} follows from no reading`)
    for (const [topic, ids] of late) for (const id of ids) faults.add(`${topic}.late: ${id} is no reading`)
    for (const [topic, totals] of bySensor) {
      const panes = await panesOf(redisOf, [partition], topic, faults)
      compare(topic, ...shared(topic, totals, panes, isLaterGone), faults)
    }
  }
  for (const topic of OVER_ALL) {
    const panes = await panesOf(redisOf, all, topic, faults)
    compare(topic, ...shared(topic, overall, panes, isLaterGone), faults)
  }
  return faults.texts
}

const BY_SENSOR = ['chaos.per_sensor', 'chaos.later']
const OVER_ALL = ['chaos.overall', 'chaos.later_overall']

type Panes = ReadonlyMap<string, Pane<Total>>

/**
 * What is to be compared. A window that came with a rollout holds everything from its first pane on, and where its config was
 * taken back everything before its last one.
 */
function shared(topic: string, totals: Totals, panes: Panes, isLaterGone: boolean): [Totals, Panes] {
  if (!topic.startsWith('chaos.later')) return [totals, panes]
  const starts = [...panes.values()].map(({ start }) => start)
  const begin = Math.min(...starts)
  const end = isLaterGone ? Math.max(...starts) : Number.POSITIVE_INFINITY
  const isCompared = ([name]: readonly [string, unknown]) => {
    const start = Number(name.slice(name.lastIndexOf(' ') + 1))
    return start >= begin && start < end
  }
  return [new Map([...totals].filter(isCompared)), new Map([...panes].filter(isCompared))]
}

/** The first ones in words, and how many there are. */
class Faults {
  readonly #examples: string[] = []
  #count = 0

  get texts(): readonly string[] {
    const more = this.#count - this.#examples.length
    return more === 0
      ? this.#examples
      : [...this.#examples, `and ${more} more of results that are not what the log gives`]
  }

  add(text: string): void {
    if (++this.#count <= MAX_EXAMPLES) this.#examples.push(text)
  }
}

/** Ids of a topic in one partition, each of which is to be there once. */
async function idsOf(redis: Redis, partition: number, topic: string, faults: Faults): Promise<Set<string>> {
  const ids = new Set<string>()
  await eachStoredEvent(redis, partition, topic, ({ body: { id } }) => {
    if (ids.has(id)) faults.add(`${topic}: ${id} is stored twice`)
    ids.add(id)
  })
  return ids
}

/** The last pane of each window; revisions are to count up from 0, and none to follow a final one. */
async function panesOf(
  redisOf: RedisOf,
  partitions: readonly number[],
  topic: string,
  faults: Faults,
): Promise<Map<string, Pane<Total>>> {
  const last = new Map<string, Pane<Total>>()
  const take = ({ id, data }: EventBody) => {
    const pane = data as Pane<Total>
    const name = `${pane.key} ${pane.start}`
    const before = last.get(name)
    if (pane.revision !== (before?.revision ?? -1) + 1)
      faults.add(`${topic}: ${id} follows revision ${before?.revision ?? 'none'}`)
    if (before?.final) faults.add(`${topic}: ${id} follows a final pane`)
    last.set(name, pane)
  }
  for (const partition of partitions) {
    await eachStoredEvent(redisOf(partition), partition, topic, ({ body }) => take(body))
  }
  return last
}

function compare(topic: string, expected: Totals, panes: ReadonlyMap<string, Pane<Total>>, faults: Faults): void {
  for (const [name, { count, sum }] of expected) {
    const pane = panes.get(name)
    if (pane === undefined) faults.add(`${topic}: ${name} has no pane`)
    else if (pane.value.count !== count || pane.value.sum !== sum)
      faults.add(`${topic}: ${name} holds ${pane.value.count} of sum ${pane.value.sum}, not ${count} of sum ${sum}`)
  }
  for (const name of panes.keys()) if (!expected.has(name)) faults.add(`${topic}: ${name} follows from no reading`)
}

function addTo(totals: Totals, name: string, n: number): void {
  const total = totals.get(name)
  totals.set(name, { count: (total?.count ?? 0) + 1, sum: (total?.sum ?? 0) + n })
}
