import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import type { Masters } from '../redis/masters.ts'
import { parseInfo } from '../redis/redis-fitness.ts'
import { childrenOf, type Division } from './division.ts'
import type { GrowthPlan } from './growth-plan.ts'
import { type Inventory, keysLeaving } from './inventory.ts'
import type { StoredKey } from './stored-key.ts'

/** What a growth needs beside what is stored. */
export interface MemoryNeed {
  /** Record batches, reports and answers in the logs. */
  readonly entries: number
  /** Bytes of what is copied. */
  readonly stored: number
  /** Bytes, about, that it takes until the former partitions are removed; on the master of a cluster that has the least to spare. */
  readonly needed: number
  /** Bytes up to `maxmemory` there; `undefined` for no limit. */
  readonly free: number | undefined
  /** That master; absent where there is one Redis. */
  readonly node?: string
}

/** A log that is divided keeps the places of events that went elsewhere. */
const OF_A_LOG = 1.3
const OF_FIELDS = 1.1
/** Samples of a large key by which Redis estimates its size. */
const SAMPLES = 20

export async function memoryNeed(
  masters: Masters,
  division: Division,
  plan: GrowthPlan,
  inventory: Inventory,
): Promise<MemoryNeed> {
  let [entries, stored] = [0, 0]
  const needed = new Map(masters.all.map((redis) => [redis, 0]))
  const need = (child: number, bytes: number) => {
    const redis = masters.of(keys.meta(child))
    needed.set(redis, needed.get(redis)! + bytes)
  }
  for (const key of [...inventory.values()].flat()) {
    const name = keys.owned(key.partition, key.name)
    const redis = masters.of(name)
    const bytes = await bytesOf(redis, name)
    if (key.kind === 'log') entries += await redis.xlen(name)
    stored += bytes
    const { to, share } = copiesOf(key, plan, division)
    for (const child of to) need(child, bytes * share)
  }
  for (const redis of masters.isCluster ? masters.all : []) {
    for await (const leaving of keysLeaving(redis, division, plan)) {
      const sizes = await Promise.all(leaving.map(({ key }) => bytesOf(redis, key)))
      for (const [i, { child }] of leaving.entries()) need(child, sizes[i]!)
      stored += sizes.reduce((sum, bytes) => sum + bytes, 0)
    }
  }
  const all = await Promise.all([...needed].map(([redis, bytes]) => roomOn(masters, redis, Math.ceil(bytes))))
  const tightest = all.reduce((least, one) => (spare(one) < spare(least) ? one : least))
  return { entries, stored, ...tightest }
}

async function bytesOf(redis: Redis, key: string): Promise<number> {
  return (await redis.memory('USAGE', key, 'SAMPLES', SAMPLES)) ?? 0
}

type Room = Pick<MemoryNeed, 'needed' | 'free' | 'node'>

async function roomOn(masters: Masters, redis: Redis, needed: number): Promise<Room> {
  const info = parseInfo(await redis.info('memory'))
  const limit = Number(info.get('maxmemory') ?? 0)
  const free = limit === 0 ? undefined : Math.max(0, limit - Number(info.get('used_memory') ?? 0))
  return { needed, free, ...(masters.isCluster && { node: masters.nameOf(redis) }) }
}

/** Those without a limit come last, by what they need. */
function spare({ needed, free = Number.MAX_SAFE_INTEGER }: Room): number {
  return free - needed
}

/** Which partitions get a copy, and how many bytes are written there for one that is stored. */
function copiesOf(
  key: StoredKey,
  plan: GrowthPlan,
  division: Division,
): { readonly to: readonly number[]; readonly share: number } {
  const children = childrenOf(key.partition, division)
  const everywhere = { to: children, share: 1 }
  if (key.kind === 'presence') return { to: [], share: 0 }
  if (key.kind !== 'log' && key.kind !== 'owned') return everywhere
  const { kind } = key.kind === 'log' ? plan.log(key.topic) : plan.owned(key.name)
  switch (kind) {
    case 'everywhere':
      return everywhere
    case 'by_key':
      return { to: children, share: (key.kind === 'log' ? OF_A_LOG : OF_FIELDS) / children.length }
    case 'stays':
      return { to: [key.partition], share: 1 }
    // Counted elsewhere.
    case 'of_key':
    case 'left':
      return { to: [], share: 0 }
  }
}
