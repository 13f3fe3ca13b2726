import type { DeliveredEvent } from '@tidegate/protocol'
import { type CurrentResult, partitionOf, type Redis, readCurrent, scanCurrent } from '../bus/index.ts'

/** Most results one call returns: a page full, not a table. */
const MAX_RESULTS = 1_000
const PAGE = 200

/** Latest result per key of a result topic: of one key, or of up to `MAX_RESULTS` keys. */
export async function currentResults(
  redis: Redis,
  partitions: number,
  topic: string,
  key: string | undefined,
): Promise<Omit<DeliveredEvent, 'at'>[]> {
  if (key !== undefined) return (await readCurrent(redis, partitionOf(key, partitions), topic, [key])).map(parse)
  const results: Omit<DeliveredEvent, 'at'>[] = []
  for (let partition = 0; partition < partitions && results.length < MAX_RESULTS; partition++) {
    let cursor = '0'
    do {
      const page = await scanCurrent(redis, partition, topic, cursor, PAGE)
      results.push(...page.results.map(parse))
      cursor = page.next
    } while (cursor !== '0' && results.length < MAX_RESULTS)
  }
  return results.slice(0, MAX_RESULTS)
}

function parse({ json }: CurrentResult): Omit<DeliveredEvent, 'at'> {
  return JSON.parse(json) as Omit<DeliveredEvent, 'at'>
}
