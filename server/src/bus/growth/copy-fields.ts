import { keys } from '../keys.ts'
import { transferKeys } from '../redis/transfer-keys.ts'
import { childOf, childrenOf } from './division.ts'
import type { Placement } from './growth-plan.ts'
import { type GrowthRun, sendTogether } from './growth-run.ts'

const PAGE_FIELDS = 1_000

/** Copies a key as it is to partitions that are being made. */
export async function copyWhole(
  { masters, stopped }: GrowthRun,
  parent: number,
  name: string,
  to: readonly number[],
): Promise<void> {
  const source = keys.owned(parent, name)
  const from = masters.of(source)
  for (const child of to) {
    const copy = keys.grown(child, name)
    // A cluster copies within a slot only.
    if (child === parent || !masters.isCluster) await from.copy(source, copy, 'REPLACE')
    else await transferKeys([source], { from, to: masters, nameAt: () => copy, stopped })
  }
}

/** Copies the fields of a hash, or the members of a sorted set, to the partitions of their keys. @throws Error for another type */
export async function copyByKey(
  run: GrowthRun,
  parent: number,
  name: string,
  { homeOf, keyOf }: Extract<Placement, { readonly kind: 'by_key' }>,
): Promise<void> {
  const { masters, division, stopped } = run
  const from = keys.owned(parent, name)
  const redis = masters.of(from)
  const type = await redis.type(from)
  if (type !== 'hash' && type !== 'zset') throw new Error(`${from} is a ${type}, which nothing of Tidegate is`)
  const children = childrenOf(parent, division)
  let cursor = '0'
  do {
    stopped.throwIfAborted()
    const [next, flat] =
      type === 'hash'
        ? await redis.hscanBuffer(from, cursor, 'COUNT', PAGE_FIELDS)
        : await redis.zscanBuffer(from, cursor, 'COUNT', PAGE_FIELDS)
    const byChild = new Map<number, Buffer[]>()
    for (let i = 0; i < flat.length; i += 2) {
      const [field, value] = [flat[i]!, flat[i + 1]!]
      const key = keyOf(field.toString('utf8'), value.toString('utf8'))
      for (const child of key === undefined ? children : [childOf(parent, key, homeOf, division)]) {
        const pair = type === 'hash' ? [field, value] : [value, field]
        const sent = byChild.get(child)
        if (sent === undefined) byChild.set(child, pair)
        else sent.push(...pair)
      }
    }
    await sendTogether(masters, (at) => {
      for (const [child, pairs] of byChild) {
        const copy = keys.grown(child, name)
        at(copy).call(type === 'hash' ? 'hset' : 'zadd', copy, ...pairs)
      }
    })
    cursor = next.toString()
  } while (cursor !== '0')
}
