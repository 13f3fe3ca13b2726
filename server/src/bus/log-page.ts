import type { Redis } from './connection.ts'
import { keys } from './keys.ts'
import { decodeEntry, LOG_START, type LogEntry, type RawEntry } from './log-entry.ts'

export interface LogPage {
  readonly entries: readonly LogEntry[]
  /** Trim mark of the topic as it was after the entries were read: whatever lies at or below it may be missing from them. */
  readonly trimmedTo: string
}

/** Reads up to `count` entries of one topic from `from` (stream id, inclusive) on, oldest first. */
export async function readPage(
  redis: Redis,
  partition: number,
  topic: string,
  from: string,
  count: number,
): Promise<LogPage> {
  // Sent together, answered in this order: a trim between the two is seen by the second, so a hole is never taken for an end.
  const [entries, mark] = await Promise.all([
    redis.callBuffer('XRANGE', keys.log(partition, topic), from, '+', 'COUNT', count) as Promise<RawEntry[]>,
    redis.hget(keys.meta(partition), `trim:${topic}`),
  ])
  return { entries: entries.map((raw) => decodeEntry(topic, raw)), trimmedTo: mark ?? LOG_START }
}
