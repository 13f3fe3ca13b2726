import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { decodeEntry, LOG_START, type LogEntry, type RawEntry } from './log-entry.ts'
import { type LogVersion, type Refusal, refusalOf } from './log-version.ts'
import { loadScript, runScript, type Script } from './script.ts'

const REMOVE_SCRIPT: Script = loadScript('remove-entries', { allowOom: true, include: ['lineage'] })

export interface LogPage {
  readonly entries: readonly LogEntry[]
  /** Trim mark of the topic as it was after the entries were read: whatever lies at or below it may be missing from them. */
  readonly trimmedTo: string
  /** Of the log, at the same moment; `undefined` while the partition does not exist. */
  readonly epoch: string | undefined
}

/** Reads up to `count` entries of one topic from `from` (stream id, inclusive, or exclusive behind `(`) on, oldest first. */
export async function readPage(
  redis: Redis,
  partition: number,
  topic: string,
  from: string,
  count: number,
): Promise<LogPage> {
  // Sent together, answered in this order: a trim between the two is seen by the second, so a hole is never taken for an end.
  const [entries, [mark, epoch]] = await Promise.all([
    redis.callBuffer('XRANGE', keys.log(partition, topic), from, '+', 'COUNT', count) as Promise<RawEntry[]>,
    redis.hmget(keys.meta(partition), `trim:${topic}`, 'epoch') as Promise<[string | null, string | null]>,
  ])
  const decoded = entries.map((raw) => decodeEntry(topic, raw))
  return { entries: decoded, trimmedTo: mark ?? LOG_START, epoch: epoch ?? undefined }
}

/** Removes entries that were read of a log and that nobody is to read any more. @returns why that was refused, if so @throws BusUnavailable */
export async function removeEntries(
  redis: Redis,
  guard: Guard,
  partition: number,
  log: LogVersion,
  topic: string,
  streamIds: readonly string[],
): Promise<Refusal | undefined> {
  const scriptKeys = [keys.meta(partition), keys.log(partition, topic)]
  const args = [log.epoch, log.lineage, ...streamIds]
  return refusalOf(await guard.run(() => runScript(redis, REMOVE_SCRIPT, scriptKeys, args)))
}
