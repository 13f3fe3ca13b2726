import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import type { Masters } from '../redis/masters.ts'
import { lastIdOf } from './copy-log.ts'
import { childOf, type Division } from './division.ts'
import type { GrowthPlan } from './growth-plan.ts'
import { scanAll, scanKeys } from './growth-run.ts'
import { KEYS_OF_PARTITIONS, parseKey, type StoredKey } from './stored-key.ts'

/**
 * The keys of each partition in order of name, so that a growth that was interrupted writes what it would have written.
 * Without those that belong to one key of the application as a whole: of them there may be millions.
 */
export type Inventory = ReadonlyMap<number, readonly StoredKey[]>

export async function takeInventory(masters: Masters, partitions: number, plan: GrowthPlan): Promise<Inventory> {
  const found = new Map<number, Map<string, StoredKey>>()
  for (let partition = 0; partition < partitions; partition++) found.set(partition, new Map())
  for await (const page of scanAll(masters, KEYS_OF_PARTITIONS)) {
    for (const key of page) {
      const stored = parseKey(key)
      if (stored !== undefined && homeOfOne(stored, plan) === undefined)
        found.get(stored.partition)?.set(stored.name, stored)
    }
  }
  return new Map([...found].map(([partition, stored]) => [partition, inOrder([...stored.values()])]))
}

function inOrder(stored: StoredKey[]): StoredKey[] {
  return stored.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The partition that gets a key as a whole, because it belongs to one key of the application; `undefined` for another one. */
export function homeOfOne(stored: StoredKey, plan: GrowthPlan): ((division: Division) => number) | undefined {
  if (stored.kind !== 'owned') return undefined
  const placement = plan.owned(stored.name)
  if (placement.kind !== 'of_key') return undefined
  return (division) => childOf(stored.partition, placement.key, placement.homeOf, division)
}

/** A key that goes to another partition as a whole. */
export interface Leaving {
  readonly key: string
  readonly name: string
  readonly child: number
}

/** Those that lie on one Redis, some at a time. One may come twice. */
export async function* keysLeaving(redis: Redis, division: Division, plan: GrowthPlan): AsyncGenerator<Leaving[]> {
  for await (const page of scanKeys(redis, KEYS_OF_PARTITIONS)) {
    yield page.flatMap((key) => {
      const stored = parseKey(key)
      if (stored === undefined || stored.partition >= division.from) return []
      const child = homeOfOne(stored, plan)?.(division)
      return child === undefined || child === stored.partition ? [] : [{ key, name: stored.name, child }]
    })
  }
}

/** Another text after anything was appended or committed. */
export async function fingerprintOf(masters: Masters, inventory: Inventory): Promise<string> {
  const partitions = [...inventory].map(async ([partition, stored]) => {
    const logs = stored.flatMap((one) => (one.kind === 'log' ? [one.topic] : []))
    const ends = await Promise.all(logs.map((topic) => lastIdOf(masters, keys.log(partition, topic))))
    const meta = keys.meta(partition)
    // The order of fields changes while Redis enlarges the table of a hash.
    const fields = Object.entries(await masters.of(meta).hgetall(meta)).sort()
    return [partition, fields, logs.map((topic, i) => [topic, ends[i]])]
  })
  return JSON.stringify(await Promise.all(partitions))
}
