import type { Redis } from '../../../../server/src/bus/redis/connection.ts'
import { decodeRecord, decodeTrailEntry, type TrailEntry } from '../../../../server/src/entities/index.ts'
import { entitiesOf } from '../../../../server/test/support/bus.ts'
import { IN_STOCK } from './entities.ts'

const SCAN_COUNT = 500

export interface ReactionAccount {
  /** What is lost, doubled or without an outcome, in words. */
  readonly faults: readonly string[]
  /** That happened once, and whose source has the outcome once. */
  readonly reactions: number
}

/** Accounts for every reaction that follows from what is stored. @param placed order -> the command that placed it */
export async function accountForReactions(
  redis: Redis,
  partitions: number,
  placed: ReadonlyMap<string, string>,
): Promise<ReactionAccount> {
  const [orders, stocks] = await Promise.all([
    trailsOf(redis, partitions, 'order'),
    trailsOf(redis, partitions, 'stock'),
  ])
  const faults: string[] = []
  /** Order and part -> how often it was reserved. */
  const reserved = new Map<string, number>()
  for (const [sku, { trail, state }] of stocks) {
    const { left } = state as { left: number }
    if (left !== IN_STOCK - trail.length) faults.push(`stock ${sku}: ${left} left after ${trail.length} reservations`)
    for (const { data } of trail) {
      const name = partOf(data as { order: string; part: number })
      reserved.set(name, (reserved.get(name) ?? 0) + 1)
    }
  }
  for (const [name, times] of reserved) if (times > 1) faults.push(`${name} was reserved ${times} times`)
  let reactions = 0
  for (const [key, { trail }] of orders) {
    const { parts, found } = faultsOf(key, trail, reserved)
    faults.push(...found)
    if (found.length === 0) reactions += parts
  }
  for (const name of reserved.keys()) faults.push(`${name} was reserved, and nobody has ordered it`)
  for (const [key, id] of placed) {
    const ids = (orders.get(key)?.trail ?? []).flatMap(({ type, commandId }) => (type === 'placed' ? [commandId] : []))
    if (ids.join() !== id) faults.push(`order ${key}: placed by ${ids.join() || 'nobody'}, not by ${id}`)
  }
  return { faults, reactions }
}

/** @param reserved without what is found to belong to the order */
function faultsOf(key: string, trail: readonly TrailEntry[], reserved: Map<string, number>) {
  const found: string[] = []
  const count = (type: string) => trail.filter((entry) => entry.type === type).length
  const { parts } = (trail.find(({ type }) => type === 'placed')?.data ?? { parts: 0 }) as { parts: number }
  const [confirmed, refused] = [count('confirmed'), count('refused')]
  if (count('placed') !== 1) found.push(`order ${key}: placed ${count('placed')} times`)
  if (confirmed + refused !== parts) found.push(`order ${key}: ${confirmed + refused} outcomes of ${parts} reactions`)
  let taken = 0
  for (let part = 0; part < parts; part++) if (reserved.delete(partOf({ order: key, part }))) taken++
  if (taken !== confirmed) found.push(`order ${key}: ${taken} parts are reserved, ${confirmed} confirmed`)
  return { parts, found }
}

function partOf({ order, part }: { readonly order: string; readonly part: number }): string {
  return `part ${part} of order ${order}`
}

interface Stored {
  readonly trail: readonly TrailEntry[]
  readonly state: unknown
}

async function trailsOf(redis: Redis, partitions: number, name: string): Promise<Map<string, Stored>> {
  const found = new Map<string, Stored>()
  for (let partition = 0; partition < partitions; partition++) {
    const entities = entitiesOf(redis, partition)
    for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
      const page: Awaited<ReturnType<typeof entities.scan>> = await entities.scan(name, cursor, SCAN_COUNT)
      for (const { key, record } of page.entities) {
        const trail = (await entities.trail(name, key, 0, Number.MAX_SAFE_INTEGER)).map(decodeTrailEntry)
        found.set(key, { trail, state: decodeRecord(record).state })
      }
      cursor = page.next === '0' ? undefined : page.next
    }
  }
  return found
}
