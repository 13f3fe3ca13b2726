import { keys } from '../keys.ts'
import { childOf } from './division.ts'
import { type GrowthRun, renameTogether, scanKeys } from './growth-run.ts'
import { isOfOneKey } from './inventory.ts'
import { KEYS_OF_PARTITIONS, parseGrown, parseKey } from './stored-key.ts'

/** Removes what is replaced, and renames what belongs to one key. Done again, it continues. */
export async function clearFormer({ redis, division, plan, onDone }: GrowthRun): Promise<void> {
  for await (const page of scanKeys(redis, KEYS_OF_PARTITIONS)) {
    await renameTogether(redis, (pipeline) => {
      for (const key of new Set(page)) {
        const stored = parseKey(key)
        if (stored === undefined || stored.partition >= division.from) continue
        const { partition, name } = stored
        if (!isOfOneKey(stored, plan)) pipeline.unlink(key)
        else {
          const placement = plan.owned(name)
          if (placement.kind !== 'of_key') continue
          const child = childOf(partition, placement.key, placement.homeOf, division)
          if (child !== partition) pipeline.rename(key, keys.owned(child, name))
        }
      }
    })
    onDone(page.length)
  }
}

/** Gives the copies their names. Done again, it continues. */
export async function placeCopies({ redis, onDone }: GrowthRun): Promise<void> {
  for await (const page of scanKeys(redis, GROWN_KEYS)) {
    await renameTogether(redis, (pipeline) => {
      for (const key of new Set(page)) {
        const { partition, name } = parseGrown(key)!
        pipeline.rename(key, keys.owned(partition, name))
      }
    })
    onDone(page.length)
  }
}

/** Removes copies that were not completed. */
export async function removeCopies({ redis }: Pick<GrowthRun, 'redis'>): Promise<void> {
  for await (const page of scanKeys(redis, GROWN_KEYS)) if (page.length > 0) await redis.unlink(...page)
}

const GROWN_KEYS = 'tg:grown:*'
