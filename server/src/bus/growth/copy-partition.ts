import { keys } from '../keys.ts'
import type { Ancestor } from '../log/ancestors.ts'
import { copyByKey, copyWhole } from './copy-fields.ts'
import { copyLog, lastIdOf } from './copy-log.ts'
import { copyMeta } from './copy-meta.ts'
import { childrenOf } from './division.ts'
import { type GrowthRun, sendTogether } from './growth-run.ts'
import type { StoredKey } from './stored-key.ts'

/** Makes the partitions that come of one, beside it: it stays as it is. */
export async function copyPartition(run: GrowthRun, parent: number, stored: readonly StoredKey[]): Promise<void> {
  const ends: Record<string, string> = {}
  for (const key of stored) {
    run.stopped.throwIfAborted()
    if (key.kind === 'log') ends[key.topic] = await lastIdOf(run.masters, keys.log(parent, key.topic))
    await copyKey(run, key)
  }
  await copyMeta(run, parent, ends satisfies Ancestor['ends'])
}

async function copyKey(run: GrowthRun, key: StoredKey): Promise<void> {
  const { partition: parent, name, kind } = key
  const children = childrenOf(parent, run.division)
  switch (kind) {
    case 'log': {
      const placement = run.plan.log(key.topic)
      return placement.kind === 'left' ? undefined : copyLog(run, parent, key.topic, placement)
    }
    case 'producers':
      return copyProducers(run, parent, name, children)
    case 'backfill':
      return copyWhole(run, parent, name, children)
    case 'owned':
      return copyOwned(run, parent, name)
    // Of gateways that are gone, and what is written last.
    case 'presence':
    case 'meta':
      return
  }
}

async function copyOwned(run: GrowthRun, parent: number, name: string): Promise<void> {
  const placement = run.plan.owned(name)
  switch (placement.kind) {
    case 'by_key':
      return copyByKey(run, parent, name, placement)
    case 'everywhere':
      return copyWhole(run, parent, name, childrenOf(parent, run.division))
    case 'stays':
      return copyWhole(run, parent, name, [parent])
    // See copy-keys-of-one.ts.
    case 'of_key':
      return
  }
}

/**
 * Producers are known to all children: a frame is judged by the content of all of it, in whichever partitions its
 * events lie. Partitions are producers too. What one has sent, those that come of it have sent.
 */
async function copyProducers(run: GrowthRun, parent: number, name: string, children: readonly number[]): Promise<void> {
  const { masters, division, plan } = run
  const from = keys.owned(parent, name)
  await copyWhole(run, parent, name, children)
  for (let sender = 0; sender < division.from; sender++) {
    const state = await masters.of(from).hget(from, plan.producer(sender))
    if (state === null) continue
    const states = childrenOf(sender, division).flatMap((child) => [plan.producer(child), state])
    await sendTogether(masters, (at) => {
      for (const child of children) at(keys.grown(child, name)).hset(keys.grown(child, name), ...states)
    })
  }
}
