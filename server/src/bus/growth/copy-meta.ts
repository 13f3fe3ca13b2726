import { keys } from '../keys.ts'
import { type Ancestor, decodeAncestors } from '../log/ancestors.ts'
import { childrenOf } from './division.ts'
import { type GrowthRun, sendTogether } from './growth-run.ts'

/** Who held the partition, and what it measured. */
const OF_THE_OWNER = ['token', 'heartbeat', 'suspect', 'bytes', 'ancestors']

/**
 * Gives every partition that is made what its parent knew - offsets, clocks, what is known of producers - under an epoch of
 * its own, and its ancestors.
 *
 * @param ends topic -> id with which the log of the parent ends
 */
export async function copyMeta(
  { masters, division, epochs }: GrowthRun,
  parent: number,
  ends: Ancestor['ends'],
): Promise<void> {
  const meta = keys.meta(parent)
  const { epoch, lineage, ...fields } = await masters.of(meta).hgetall(meta)
  if (epoch === undefined) return
  const line = decodeAncestors(fields.ancestors ?? null)
  for (const name of OF_THE_OWNER) delete fields[name]
  await sendTogether(masters, (at) => {
    for (const child of childrenOf(parent, division)) {
      const became = epochs[child]!
      const ancestors: Ancestor[] = [...line, { partition: parent, epoch, became, ends }]
      const own = { epoch: became, lineage: lineage ?? '', begun: lineage ?? '', released: '1', takes: '0' }
      const copy = keys.grown(child, 'meta')
      at(copy).hset(copy, { ...fields, ...own, ancestors: JSON.stringify(ancestors) })
    }
  })
}
