import { type Backlog, type Bus, LOG_START } from '../../bus/index.ts'
import type { DescribedContract } from '../../config/changes/describe.ts'
import { decodeOffsets } from '../../fold/index.ts'

/** What the owner of a partition has not folded yet of one log. */
export interface TopicLag extends Backlog {
  readonly partition: number
  readonly topic: string
}

/**
 * The lag of every log that an owner reads, by committed offsets.
 *
 * @param contract of the running processes: what they read and have not committed anything of yet; absent: unknown
 * @param readable partitions
 * @throws BusUnavailable
 */
export async function readLag(
  bus: Bus,
  contract: DescribedContract | undefined,
  readable: ReadonlySet<number> = new Set(Array.from({ length: bus.partitions }, (_, partition) => partition)),
): Promise<TopicLag[]> {
  const lags = [...readable].map((partition) => lagOf(bus, partition, inputsOf(contract), readable))
  return (await Promise.all(lags)).flat()
}

/** Topics from which something is computed. Flows and windows over results are computed with them, not from their logs. */
function inputsOf(contract: DescribedContract | undefined): readonly string[] {
  if (contract === undefined) return []
  const computed = contract.topics.flatMap(({ kind, from }) => (kind === 'late' ? [] : (from ?? [])))
  const named = new Set([...computed, ...contract.entities.flatMap(({ on }) => on)])
  return contract.topics.filter(({ kind, name }) => kind === 'source' && named.has(name)).map(({ name }) => name)
}

async function lagOf(
  bus: Bus,
  partition: number,
  inputs: readonly string[],
  readable: ReadonlySet<number>,
): Promise<TopicLag[]> {
  const offsets = decodeOffsets((await bus.log(partition, 'query').standing([])).offsets)
  const own = inputs.filter((topic) => !offsets.has(topic)).map((topic) => [topic, LOG_START] as const)
  const logs = [...offsets, ...own].map(([name, offset]) => ({ ...placeOf(name, partition), offset }))
  const backlogs = logs
    .filter(({ source }) => readable.has(source))
    .map(async ({ topic, source, offset }) => {
      return { topic, backlog: await bus.log(source, 'query').backlog(topic, idOf(offset)) }
    })
  const byTopic = new Map<string, TopicLag>()
  for (const { topic, backlog } of await Promise.all(backlogs)) {
    const known = byTopic.get(topic) ?? { partition, topic, entries: 0, isCounted: true, ageMs: 0 }
    byTopic.set(topic, { partition, topic, ...together([known, backlog]) })
  }
  return [...byTopic.values()]
}

/** Several as one: all entries, the age of the oldest. */
export function together(backlogs: readonly Backlog[]): Backlog {
  return {
    entries: backlogs.reduce((sum, { entries }) => sum + entries, 0),
    isCounted: backlogs.every(({ isCounted }) => isCounted),
    ageMs: Math.max(0, ...backlogs.map(({ ageMs }) => ageMs)),
  }
}

/** A log of another partition is named `<partition>/<topic>`. */
function placeOf(name: string, partition: number): { readonly topic: string; readonly source: number } {
  const slash = name.indexOf('/')
  if (slash === -1) return { topic: name, source: partition }
  return { topic: name.slice(slash + 1), source: Number(name.slice(0, slash)) }
}

/** Commands are counted within a record batch: `<stream id>.<index>`. */
function idOf(offset: string): string {
  const dot = offset.indexOf('.')
  return dot === -1 ? offset : offset.slice(0, dot)
}
