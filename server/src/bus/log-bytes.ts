import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { loadScript, runScript, type Script } from './script.ts'

/** In a full Redis too: what was freed has to be told. */
const SCRIPT: Script = loadScript('note-bytes', { allowOom: true, include: ['owner'] })

/**
 * Measures what the logs of a partition take in Redis, from a few entries of each, and notes it for appends. For the owner of
 * the partition: of others the note is refused.
 *
 * @throws BusUnavailable
 */
export async function noteLogBytes(
  redis: Redis,
  guard: Guard,
  partition: number,
  token: string,
  topics: readonly string[],
): Promise<void> {
  const bytes = await guard.run(() =>
    Promise.all(topics.map((topic) => redis.memory('USAGE', keys.log(partition, topic)))),
  )
  const total = bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  await guard.run(() => runScript(redis, SCRIPT, [keys.meta(partition)], [token, total]))
}
