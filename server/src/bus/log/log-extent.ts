import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'

const BACKLOG_SCRIPT: Script = loadScript('backlog', { isReading: true, include: ['owner', 'stream-extent'] })
const EXTENTS_SCRIPT: Script = loadScript('log-extents', { isReading: true, include: ['stream-extent'] })
/** An entry may have 64 KiB, and Redis serves nobody else while it reads them. */
const COUNTED_ENTRIES = 64

/** The part of a log that a reader has not read yet. */
export interface Backlog {
  /** Record batches. */
  readonly entries: number
  /** False: `entries` is an estimate, by the times of the entries. */
  readonly isCounted: boolean
  /** Age of the oldest of them by Redis' clock, ms; 0 where there is none. */
  readonly ageMs: number
}

/** How large one topic's log in one partition is. */
export interface LogExtent {
  /** Record batches. */
  readonly entries: number
  /** Stream ids; `undefined` where there is no entry. */
  readonly firstId: string | undefined
  readonly lastId: string | undefined
  /** In the memory of Redis, by samples. */
  readonly bytes: number
}

/** @param after stream id of the last entry that was read @throws BusUnavailable */
export async function readBacklog(channel: Channel, partition: number, topic: string, after: string): Promise<Backlog> {
  const reply = await channel.script(BACKLOG_SCRIPT, [keys.log(partition, topic)], [after, COUNTED_ENTRIES])
  const [entries, counted, ageMs] = reply as [number, string, number]
  return { entries, isCounted: counted === '1', ageMs }
}

/** @throws BusUnavailable */
export async function readExtents(
  channel: Channel,
  partition: number,
  topics: readonly string[],
): Promise<ReadonlyMap<string, LogExtent>> {
  const scriptKeys = topics.map((topic) => keys.log(partition, topic))
  const reply = (await channel.script(EXTENTS_SCRIPT, scriptKeys, [])) as [number, string, string, number][]
  return new Map(
    reply.map(([entries, first, last, bytes], i) => [
      topics[i]!,
      { entries, firstId: first || undefined, lastId: last || undefined, bytes },
    ]),
  )
}
