import { type Guard, type Redis, receivedOver } from '../bus/index.ts'
import type { HashFields } from './stored-window.ts'

/** Fields of one HSCAN step. */
const SCAN_COUNT = 1_000

/** All fields of a hash, in steps that hold Redis only for a moment. @throws BusUnavailable */
export async function readHash(redis: Redis, guard: Guard, key: string): Promise<HashFields> {
  // HSCAN may return a field twice, but never misses one that stays: the map keeps each once.
  const fields = new Map<string, string>()
  let cursor = '0'
  do {
    const scan = () => redis.hscan(key, cursor, 'COUNT', SCAN_COUNT)
    const [next, page] = await guard.run(scan, { receivedBytes: receivedOver(redis) })
    for (let i = 0; i < page.length; i += 2) fields.set(page[i]!, page[i + 1]!)
    cursor = next
  } while (cursor !== '0')
  return [...fields]
}
