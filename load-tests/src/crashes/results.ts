import { decodeEvents, type EventBody, type Redis, readRange } from '../../../server/src/bus/index.ts'
import type { Pane } from '../../../server/src/config/model.ts'
import { type Expected, type Panes, paneName } from './oracle.ts'

type AnyPane = Pane | (Pick<Pane, 'key' | 'start' | 'end' | 'revision'> & { readonly withdrawn: true })

const PAGE = 1_000

/** The record batches of a topic in one partition, oldest first. */
export async function readBatches(redis: Redis, partition: number, topic: string): Promise<EventBody[][]> {
  const batches: EventBody[][] = []
  let from = '-'
  for (;;) {
    const entries = await readRange(redis, partition, topic, from, '+', PAGE)
    batches.push(...entries.map(({ payload }) => decodeEvents(payload)))
    if (entries.length < PAGE) return batches
    from = `(${entries.at(-1)!.streamId}`
  }
}

/** What is stored of a topic over all partitions, those of one partition in order. */
async function readAll(redis: Redis, partitions: number, topic: string): Promise<EventBody[]> {
  const all = await Promise.all(Array.from({ length: partitions }, (_, p) => readBatches(redis, p, topic)))
  return all.flat(2)
}

/**
 * What differs between what is stored and what must be; empty when nothing does.
 *
 * @param before windows that start later are not looked at.
 */
export async function findFaults(
  redis: Redis,
  partitions: number,
  expected: Expected,
  before: number,
): Promise<string[]> {
  const faults: string[] = []
  for (const [topic, ids] of Object.entries(expected.ids)) {
    const stored = await readAll(redis, partitions, topic)
    faults.push(...repeated(topic, stored))
    const found = new Set(stored.map(({ id }) => id))
    faults.push(...[...ids].filter((id) => !found.has(id)).map((id) => `${topic}: ${id} is lost`))
    faults.push(...[...found].filter((id) => !ids.has(id)).map((id) => `${topic}: ${id} does not belong here`))
  }
  for (const [topic, panes] of Object.entries(expected.panes)) {
    faults.push(...paneFaults(topic, await readAll(redis, partitions, topic), panes, before))
  }
  faults.push(...(await alertFaults(redis, partitions)))
  return faults
}

/** Every revision once and in order, and the last one of each pane as computed. */
function paneFaults(topic: string, stored: readonly EventBody[], expected: Panes, before: number): string[] {
  const faults = repeated(topic, stored)
  const held = new Map<string, { value: unknown; revision: number }>()
  for (const { data } of stored) {
    const pane = data as AnyPane
    const { key, start, end, revision } = pane
    if (start >= before) continue
    const name = paneName(key, start, end)
    if ('withdrawn' in pane) {
      if (!held.delete(name)) faults.push(`${topic}: ${name} is withdrawn before it came`)
      continue
    }
    const last = held.get(name)
    if (last !== undefined && revision !== last.revision + 1) {
      faults.push(`${topic}: ${name} has revision ${revision} after ${last.revision}`)
    }
    held.set(name, { value: pane.value, revision })
  }
  for (const [name, value] of expected) {
    const last = held.get(name)?.value
    if (last === undefined) faults.push(`${topic}: ${name} is missing`)
    else if (!isSame(last, value))
      faults.push(`${topic}: ${name} is ${JSON.stringify(last)}, not ${JSON.stringify(value)}`)
  }
  for (const name of held.keys()) if (!expected.has(name)) faults.push(`${topic}: ${name} does not belong here`)
  return faults
}

/** An alert is stored exactly where its pane is. */
async function alertFaults(redis: Redis, partitions: number): Promise<string[]> {
  const [panes, alerts] = await Promise.all(['crash.tumbling', 'crash.alert'].map((t) => readAll(redis, partitions, t)))
  const due = new Set(
    panes!.filter(({ data }) => (data as { value: { max: number } }).value.max > 9).map(({ id }) => id),
  )
  const found = new Set(alerts!.map(({ id }) => id))
  return [
    ...repeated('crash.alert', alerts!),
    ...[...due].filter((id) => !found.has(id)).map((id) => `crash.alert: ${id} is lost`),
    ...[...found].filter((id) => !due.has(id)).map((id) => `crash.alert: ${id} does not belong here`),
  ]
}

function repeated(topic: string, stored: readonly EventBody[]): string[] {
  const seen = new Set<string>()
  return stored.flatMap(({ id }) => {
    if (seen.has(id)) return [`${topic}: ${id} is stored twice`]
    seen.add(id)
    return []
  })
}

function isSame(a: unknown, b: { sum: number; max: number; count: number }): boolean {
  const { sum, max, count } = a as typeof b
  return sum === b.sum && max === b.max && count === b.count
}
