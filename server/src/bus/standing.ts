import type { Redis } from './connection.ts'
import { keys } from './keys.ts'
import { isFresh } from './lease.ts'
import { loadScript, runScript, type Script } from './script.ts'

const STANDING_SCRIPT: Script = loadScript('standing', { include: ['owner', 'last-id'] })

/** What a partition's owner had done at one moment, and what its logs held. */
export interface Standing {
  /** Somebody owns it whose heartbeat is fresh. */
  readonly isOwned: boolean
  /** Committed offsets as text. */
  readonly offsets: string
  /** Topic -> stream id of the newest entry ever added, `0-0` when there is none. */
  readonly lastIds: ReadonlyMap<string, string>
}

export async function readStanding(redis: Redis, partition: number, topics: readonly string[]): Promise<Standing> {
  const scriptKeys = [keys.meta(partition), ...topics.map((topic) => keys.log(partition, topic))]
  const [age, released, offsets, last] = (await runScript(redis, STANDING_SCRIPT, scriptKeys, [])) as [
    number | '',
    string,
    string,
    string[],
  ]
  return {
    isOwned: age !== '' && isFresh(age) && released !== '1',
    offsets,
    lastIds: new Map(topics.map((topic, i) => [topic, last[i]!])),
  }
}
