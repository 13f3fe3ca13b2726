import { decodeEvents, type EventBody } from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import type { Pane, WithdrawnPane } from '../../../server/src/config/contract/model.ts'
import { logOf } from '../../../server/test/support/bus.ts'
import { type ExpectedPane, paneId, type Total, windowName } from './expected-pane.ts'
import type { Expected } from './oracle.ts'

type StoredPane = Pane<Total> | WithdrawnPane

export interface Fault {
  readonly kind: 'lost' | 'doubled' | 'wrong'
  readonly what: string
}

const PAGE = 1_000

/** The record batches of a topic in one partition, oldest first. */
export async function readBatches(redis: Redis, partition: number, topic: string): Promise<EventBody[][]> {
  const batches: EventBody[][] = []
  let from = '-'
  for (;;) {
    const entries = await logOf(redis, partition).range(topic, from, '+', PAGE)
    batches.push(...entries.map(({ payload }) => decodeEvents(payload)))
    if (entries.length < PAGE) return batches
    from = `(${entries.at(-1)!.streamId}`
  }
}

/** Everything stored of a topic in all partitions; those of one partition in order. */
async function readAll(redis: Redis, partitions: number, topic: string): Promise<EventBody[]> {
  const all = await Promise.all(Array.from({ length: partitions }, (_, p) => readBatches(redis, p, topic)))
  return all.flat(2)
}

/**
 * Compares stored results with expected ones; returns the differences, and how many panes were compared.
 *
 * Panes by key follow from the log alone, so every one of them is compared, each revision once and on time or late as
 * expected. Early panes depend on the clock, and panes over several partitions on the order in which partitions report:
 * of these only the last one of each window is compared, and that revisions come in order, none after a final one, and
 * that no pane holds less than the one before.
 *
 * @param before windows that start later are ignored.
 */
export async function findFaults(
  redis: Redis,
  partitions: number,
  expected: Expected,
  before: number,
): Promise<{ readonly faults: readonly Fault[]; readonly panes: number }> {
  const faults: Fault[] = []
  let panes = 0
  const read = async (topic: string) => {
    const stored = await readAll(redis, partitions, topic)
    return stored.filter(({ data }) => ((data as { start?: number }).start ?? 0) < before)
  }
  for (const [topic, ids] of Object.entries(expected.ids)) {
    const found = await read(topic)
    faults.push(...repeated(topic, found), ...unequalIds(topic, new Set(found.map(({ id }) => id)), ids))
  }
  for (const [topic, sequence] of Object.entries(expected.sequences)) {
    const stored = await read(topic)
    panes += stored.length
    faults.push(...repeated(topic, stored), ...outOfOrder(topic, stored), ...unequalSequence(topic, stored, sequence))
  }
  for (const [topic, last] of Object.entries(expected.last)) {
    const stored = await read(topic)
    panes += stored.length
    faults.push(...repeated(topic, stored), ...outOfOrder(topic, stored), ...unequalLast(topic, stored, last))
  }
  return { faults, panes }
}

function repeated(topic: string, stored: readonly EventBody[]): Fault[] {
  const seen = new Set<string>()
  return stored.flatMap(({ id }) => {
    if (seen.has(id)) return [{ kind: 'doubled', what: `${topic}: ${id} is stored twice` } as const]
    seen.add(id)
    return []
  })
}

function unequalIds(topic: string, found: ReadonlySet<string>, expected: ReadonlySet<string>): Fault[] {
  const lost = [...expected].filter((id) => !found.has(id))
  const alien = [...found].filter((id) => !expected.has(id))
  return [
    ...lost.map((id) => ({ kind: 'lost', what: `${topic}: ${id} is missing` }) as const),
    ...alien.map((id) => ({ kind: 'wrong', what: `${topic}: ${id} does not belong here` }) as const),
  ]
}

/**
 * Revisions of a window one by one from the first, each holding at least what the one before did, none after a final
 * one.
 */
function outOfOrder(topic: string, stored: readonly EventBody[]): Fault[] {
  const faults: Fault[] = []
  const held = new Map<string, Pane<Total>>()
  for (const { data } of stored) {
    const pane = data as StoredPane
    const name = windowName(pane)
    const last = held.get(name)
    if (pane.withdrawn) {
      if (last?.revision !== pane.revision) faults.push(wrong(`${topic}: ${name} is withdrawn as what it is not`))
      held.delete(name)
      continue
    }
    held.set(name, pane)
    if (last === undefined) {
      // Revisions of a merged session continue from those of its parts.
      if (pane.revision !== 0 && topic !== 'crash.sessions')
        faults.push(wrong(`${topic}: ${name} begins with revision ${pane.revision}`))
      continue
    }
    if (pane.revision !== last.revision + 1)
      faults.push(wrong(`${topic}: ${name} has revision ${pane.revision} after ${last.revision}`))
    if (pane.value.count < last.value.count) faults.push(wrong(`${topic}: ${name} holds less than before`))
    if (last.final) faults.push(wrong(`${topic}: ${name} continues after its final pane`))
  }
  return faults
}

function unequalSequence(topic: string, stored: readonly EventBody[], expected: readonly ExpectedPane[]): Fault[] {
  const found = new Map(stored.map(({ id, data }) => [id, textOf(expectedForm(data as StoredPane))]))
  const due = new Map(expected.map((pane) => [paneId(topic, pane), textOf(pane)]))
  const differing = [...due].filter(([id, text]) => found.has(id) && found.get(id) !== text)
  return [
    ...unequalIds(topic, new Set(found.keys()), new Set(due.keys())),
    ...differing.map(([id, text]) => wrong(`${topic}: ${id} is ${found.get(id)}, not ${text}`)),
  ]
}

function unequalLast(topic: string, stored: readonly EventBody[], expected: ReadonlyMap<string, Total>): Fault[] {
  const last = new Map<string, string>()
  for (const { data } of stored) {
    const pane = data as Pane<Total>
    last.set(windowName(pane), valueText(pane.value))
  }
  const differing = [...expected].filter(([name, value]) => last.has(name) && last.get(name) !== valueText(value))
  return [
    ...unequalIds(topic, new Set(last.keys()), new Set(expected.keys())),
    ...differing.map(([name, value]) => wrong(`${topic}: ${name} is ${last.get(name)}, not ${valueText(value)}`)),
  ]
}

function expectedForm(stored: StoredPane): ExpectedPane {
  const { key, start, end, revision } = stored
  if (stored.withdrawn) return { key, start, end, revision, pane: undefined }
  return { key, start, end, revision, pane: { timing: stored.timing as 'on_time', value: stored.value } }
}

function textOf({ end, pane }: ExpectedPane): string {
  return pane === undefined ? `withdrawn until ${end}` : `${pane.timing} until ${end}: ${valueText(pane.value)}`
}

const valueText = ({ sum, max, count }: Total) => `sum ${sum} max ${max} count ${count}`

const wrong = (what: string): Fault => ({ kind: 'wrong', what })
