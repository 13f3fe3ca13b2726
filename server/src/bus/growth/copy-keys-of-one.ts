import { keys } from '../keys.ts'
import { transferKeys } from '../redis/transfer-keys.ts'
import type { GrowthRun } from './growth-run.ts'
import { keysLeaving } from './inventory.ts'

/**
 * Copies what goes to another partition as a whole, such as trails. Within one Redis it is renamed instead when the copies take
 * their places; from one slot of a cluster to another nothing is.
 */
export async function copyKeysOfOne({ masters, division, plan, stopped }: GrowthRun): Promise<void> {
  if (!masters.isCluster) return
  for (const from of masters.all) {
    for await (const leaving of keysLeaving(from, division, plan)) {
      const copies = new Map(leaving.map(({ key, name, child }) => [key, keys.grown(child, name)]))
      await transferKeys([...copies.keys()], { from, to: masters, nameAt: (key) => copies.get(key)!, stopped })
    }
  }
}
