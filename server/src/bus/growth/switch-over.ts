import { keys } from '../keys.ts'
import type { Masters } from '../redis/masters.ts'
import { type GrowthRun, renameTogether, scanAll, sendTogether } from './growth-run.ts'
import { homeOfOne } from './inventory.ts'
import { KEYS_OF_PARTITIONS, parseGrown, parseKey } from './stored-key.ts'

/** Removes what is replaced, and renames what belongs to one key where it was not copied. Done again, it continues. */
export async function clearFormer({ masters, division, plan, onDone }: GrowthRun): Promise<void> {
  for await (const page of scanAll(masters, KEYS_OF_PARTITIONS)) {
    await renameTogether(masters, (at) => {
      for (const key of new Set(page)) {
        const stored = parseKey(key)
        if (stored === undefined || stored.partition >= division.from) continue
        const child = homeOfOne(stored, plan)?.(division)
        if (child === stored.partition) continue
        if (child === undefined || masters.isCluster) at(key).unlink(key)
        else at(key).rename(key, keys.owned(child, stored.name))
      }
    })
    onDone(page.length)
  }
}

/** Gives the copies their names. Done again, it continues. */
export async function placeCopies({ masters, onDone }: GrowthRun): Promise<void> {
  for await (const page of scanAll(masters, GROWN_KEYS)) {
    await renameTogether(masters, (at) => {
      for (const key of new Set(page)) {
        const { partition, name } = parseGrown(key)!
        at(key).rename(key, keys.owned(partition, name))
      }
    })
    onDone(page.length)
  }
}

/** Removes copies that were not completed. */
export async function removeCopies(masters: Masters): Promise<void> {
  for await (const page of scanAll(masters, GROWN_KEYS)) {
    await sendTogether(masters, (at) => {
      for (const key of page) at(key).unlink(key)
    })
  }
}

const GROWN_KEYS = 'tg:grown:*'
