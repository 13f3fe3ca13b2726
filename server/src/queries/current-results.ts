import type { DeliveredEvent } from '@tidegate/protocol'
import { keys, partitionOf, type Redis } from '../bus/index.ts'

/** Most results one call returns: a page full, not a table. */
export const MAX_RESULTS = 1_000

/** Latest result per key of a result topic: of one key, or of up to `MAX_RESULTS` keys. */
export async function readCurrent(
  redis: Redis,
  partitions: number,
  topic: string,
  key: string | undefined,
): Promise<Omit<DeliveredEvent, 'at'>[]> {
  if (key !== undefined) {
    const partition = partitionOf(key, partitions)
    const value = await redis.hget(keys.current(partition, topic), key)
    return value === null ? [] : [decode(value)]
  }
  const results: Omit<DeliveredEvent, 'at'>[] = []
  for (let partition = 0; partition < partitions && results.length < MAX_RESULTS; partition++) {
    let cursor = '0'
    do {
      const [next, fields] = await redis.hscan(keys.current(partition, topic), cursor, 'COUNT', 200)
      for (let i = 1; i < fields.length; i += 2) results.push(decode(fields[i]!))
      cursor = next
    } while (cursor !== '0' && results.length < MAX_RESULTS)
  }
  return results.slice(0, MAX_RESULTS)
}

/** A stored result is `<streamId>.<index> <event JSON>`. */
function decode(value: string): Omit<DeliveredEvent, 'at'> {
  return JSON.parse(value.slice(value.indexOf(' ') + 1)) as Omit<DeliveredEvent, 'at'>
}
