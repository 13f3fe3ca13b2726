import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'

const HEADS_SCRIPT: Script = loadScript('log-heads', { isReading: true, include: ['last-id'] })
const EPOCH_START_SCRIPT: Script = loadScript('epoch-start', { isReading: true })

/** Where one topic's log in one partition ends and was trimmed to. */
export interface LogHead {
  /** Id of the newest entry ever added, `0-0` when there is none; it may have been trimmed since. */
  readonly lastId: string
  /** Entries up to here were trimmed; `0-0` when none was. */
  readonly trimmedTo: string
}

export interface LogHeads {
  /** `undefined` while the partition does not exist: Redis came back empty and nothing was written since. */
  readonly epoch: string | undefined
  /** Redis has had one identity since the epoch began: everything appended under it up to the heads is still there. */
  readonly isUnbroken: boolean
  readonly topics: ReadonlyMap<string, LogHead>
}

/** Reads the heads of several topics of one partition at one moment. */
export async function readLogHeads(redis: Redis, partition: number, topics: readonly string[]): Promise<LogHeads> {
  const scriptKeys = [keys.meta(partition), ...topics.map((topic) => keys.log(partition, topic))]
  const reply = await runScript(redis, HEADS_SCRIPT, scriptKeys, topics)
  const [epoch, last, trimmed, unbroken] = reply as [string, string[], string[], string]
  return {
    epoch: epoch === '' ? undefined : epoch,
    isUnbroken: unbroken === '1',
    topics: new Map(topics.map((topic, i) => [topic, { lastId: last[i]!, trimmedTo: trimmed[i]! || '0-0' }])),
  }
}

/**
 * Where the present epoch begins in several logs of one partition: the newest entry that is not of it, `0-0` if there
 * is none.
 */
export async function readEpochStarts(
  redis: Redis,
  partition: number,
  topics: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const scriptKeys = [keys.meta(partition), ...topics.map((topic) => keys.log(partition, topic))]
  const ids = (await runScript(redis, EPOCH_START_SCRIPT, scriptKeys, [])) as string[]
  return new Map(topics.map((topic, i) => [topic, ids[i]!]))
}
