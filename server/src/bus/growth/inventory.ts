import type { Redis } from '../connection.ts'
import { keys } from '../keys.ts'
import { lastIdOf } from './copy-log.ts'
import type { GrowthPlan } from './growth-plan.ts'
import { scanKeys } from './growth-run.ts'
import { KEYS_OF_PARTITIONS, parseKey, type StoredKey } from './stored-key.ts'

/**
 * The keys of each partition in order of name, so that a growth that was interrupted writes what it would have written.
 * Without those that are only renamed: of them there may be millions.
 */
export type Inventory = ReadonlyMap<number, readonly StoredKey[]>

export async function takeInventory(redis: Redis, partitions: number, plan: GrowthPlan): Promise<Inventory> {
  const found = new Map<number, Map<string, StoredKey>>()
  for (let partition = 0; partition < partitions; partition++) found.set(partition, new Map())
  for await (const page of scanKeys(redis, KEYS_OF_PARTITIONS)) {
    for (const key of page) {
      const stored = parseKey(key)
      if (stored !== undefined && !isOfOneKey(stored, plan)) found.get(stored.partition)?.set(stored.name, stored)
    }
  }
  return new Map([...found].map(([partition, stored]) => [partition, inOrder([...stored.values()])]))
}

function inOrder(stored: StoredKey[]): StoredKey[] {
  return stored.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whether it belongs to one key of the application as a whole: it is renamed, not copied. */
export function isOfOneKey({ kind, name }: StoredKey, plan: GrowthPlan): boolean {
  return kind === 'owned' && plan.owned(name).kind === 'of_key'
}

/** Another text after anything was appended or committed. */
export async function fingerprintOf(redis: Redis, inventory: Inventory): Promise<string> {
  const partitions = [...inventory].map(async ([partition, stored]) => {
    const logs = stored.flatMap((one) => (one.kind === 'log' ? [one.topic] : []))
    const ends = await Promise.all(logs.map((topic) => lastIdOf(redis, keys.log(partition, topic))))
    return [partition, await redis.hgetall(keys.meta(partition)), logs.map((topic, i) => [topic, ends[i]])]
  })
  return JSON.stringify(await Promise.all(partitions))
}
