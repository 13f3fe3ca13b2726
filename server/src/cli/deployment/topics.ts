import type { Bus, LogExtent } from '../../bus/index.ts'
import type { DescribedTopic } from '../../config/changes/describe.ts'
import { msOf } from '../../fold/index.ts'

/** What is stored of a topic, in one partition or in all. */
export interface StoredLog {
  /** Record batches. */
  readonly entries: number
  /** In the memory of Redis, by samples. */
  readonly bytes: number
  /** When the oldest and the newest were stored, ms since 1970 by Redis' clock; `null` where there is none. */
  readonly oldest: number | null
  readonly newest: number | null
}

export interface StoredTopic extends StoredLog {
  readonly topic: string
  readonly kind: DescribedTopic['kind']
  readonly retentionMs: number
  readonly from: readonly string[]
  readonly partitions: readonly (StoredLog & { readonly partition: number })[]
}

/** @param readable partitions @throws BusUnavailable */
export async function readTopics(
  bus: Bus,
  topics: readonly DescribedTopic[],
  readable: ReadonlySet<number>,
): Promise<StoredTopic[]> {
  const names = topics.map(({ name }) => name)
  const partitions = [...readable]
  const extents = await Promise.all(partitions.map((partition) => bus.log(partition, 'query').extents(names)))
  return topics.map(({ name, kind, retentionMs, from = [] }) => {
    const logs = extents.map((of, i) => ({ partition: partitions[i]!, ...storedLog(of.get(name)!) }))
    const times = (field: 'oldest' | 'newest') => logs.flatMap((log) => log[field] ?? [])
    return {
      topic: name,
      kind,
      retentionMs,
      from: [from].flat(),
      entries: logs.reduce((sum, { entries }) => sum + entries, 0),
      bytes: logs.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: least(times('oldest')),
      newest: most(times('newest')),
      partitions: logs,
    }
  })
}

function storedLog({ entries, bytes, firstId, lastId }: LogExtent): StoredLog {
  const time = (id: string | undefined) => (id === undefined ? null : msOf(id))
  return { entries, bytes, oldest: time(firstId), newest: time(lastId) }
}

const least = (times: readonly number[]) => (times.length === 0 ? null : Math.min(...times))
const most = (times: readonly number[]) => (times.length === 0 ? null : Math.max(...times))
