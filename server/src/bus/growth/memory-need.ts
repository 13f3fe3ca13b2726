import type { Redis } from '../connection.ts'
import { keys } from '../keys.ts'
import { parseInfo } from '../redis-fitness.ts'
import type { Division } from './division.ts'
import type { GrowthPlan } from './growth-plan.ts'
import type { Inventory } from './inventory.ts'
import type { StoredKey } from './stored-key.ts'

/** What a growth needs beside what is stored. */
export interface MemoryNeed {
  /** Record batches, reports and answers in the logs. */
  readonly entries: number
  /** Bytes of what is copied. */
  readonly stored: number
  /** Bytes, about, that it takes until the former partitions are removed. */
  readonly needed: number
  /** Bytes up to `maxmemory`; `undefined` for no limit. */
  readonly free: number | undefined
}

/** A log that is divided keeps the places of events that went elsewhere. */
const OF_A_LOG = 1.3
const OF_FIELDS = 1.1
/** Samples of a large key by which Redis estimates its size. */
const SAMPLES = 20

export async function memoryNeed(
  redis: Redis,
  { from, to }: Division,
  plan: GrowthPlan,
  inventory: Inventory,
): Promise<MemoryNeed> {
  let [entries, stored, needed] = [0, 0, 0]
  for (const key of [...inventory.values()].flat()) {
    const name = keys.owned(key.partition, key.name)
    const bytes = (await redis.memory('USAGE', name, 'SAMPLES', SAMPLES)) ?? 0
    if (key.kind === 'log') entries += await redis.xlen(name)
    stored += bytes
    needed += bytes * shareOf(key, plan, to / from)
  }
  const info = parseInfo(await redis.info('memory'))
  const limit = Number(info.get('maxmemory') ?? 0)
  const free = limit === 0 ? undefined : Math.max(0, limit - Number(info.get('used_memory') ?? 0))
  return { entries, stored, needed: Math.ceil(needed), free }
}

/** How many bytes are written for one that is stored. */
function shareOf(key: StoredKey, plan: GrowthPlan, children: number): number {
  switch (key.kind) {
    case 'log': {
      const { kind } = plan.log(key.topic)
      return kind === 'left' ? 0 : kind === 'everywhere' ? children : kind === 'stays' ? 1 : OF_A_LOG
    }
    case 'owned': {
      const { kind } = plan.owned(key.name)
      return kind === 'everywhere' ? children : kind === 'by_key' ? OF_FIELDS : 1
    }
    case 'presence':
      return 0
    default:
      return children
  }
}
