import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'

const SIZES_SCRIPT: Script = loadScript('log-sizes', { isReading: true, include: ['stream-extent'] })

/** How many entries one topic's log in one partition has, and ever had. */
export interface LogSize {
  /** Entries that were ever added; 0 where there is none now. */
  readonly added: number
  readonly length: number
  /** Of the oldest entry, `0-0` when there is none. */
  readonly firstId: string
  /** Of the newest entry, `0-0` when there is none. */
  readonly lastId: string
}

export async function readLogSizes(
  redis: Redis,
  partition: number,
  topics: readonly string[],
): Promise<ReadonlyMap<string, LogSize>> {
  const logs = topics.map((topic) => keys.log(partition, topic))
  const sizes = (await runScript(redis, SIZES_SCRIPT, logs, [])) as [number, number, string, string][]
  return new Map(sizes.map(([added, length, firstId, lastId], i) => [topics[i]!, { added, length, firstId, lastId }]))
}
