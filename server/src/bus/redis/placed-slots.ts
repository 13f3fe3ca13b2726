import { BusMismatch, BusUnreachable } from '../errors.ts'
import { CONTROL_KEYS, keys, QUEUE_PREFIX } from '../keys.ts'
import { routeTo, UNSERVED } from '../route/index.ts'
import { openCommandConnection, untilReady } from './connection.ts'
import { slotOf } from './hash-slot.ts'

/** Where everything of a deployment lies: masters of a cluster by name; '' where there is one Redis. */
export interface PlacedSlots {
  readonly nodes: readonly string[]
  /** @throws BusMismatch where a slot has another place by now, or is on its way to one */
  confirm(): Promise<void>
}

/** @throws BusUnreachable, BusMismatch where a slot is on its way */
export async function placeSlots(url: string, partitions: number, waitMs: number): Promise<PlacedSlots> {
  const route = routeTo(url)
  if (!route.isCluster) return { nodes: [''], confirm: async () => {} }
  const metas = Array.from({ length: partitions }, (_, partition) => keys.meta(partition))
  const slots = [...metas, ...CONTROL_KEYS, QUEUE_PREFIX].map(slotOf)
  const look = async () => {
    await route.look()
    const places = slots.map((slot) => route.nodeOf(slot))
    const known = places.filter((place) => place !== undefined)
    if (known.length < places.length) throw new BusUnreachable(`Redis cannot be used: ${UNSERVED}`)
    const nodes = [...new Set(known)].sort()
    const moving = await Promise.all(nodes.map((node) => hasMoving(url, node, waitMs)))
    if (moving.includes(true)) throw slotMoved()
    return { places: known.join(), nodes }
  }
  const { nodes, places } = await look()
  return {
    nodes,
    confirm: async () => {
      if ((await look()).places !== places) throw slotMoved()
    },
  }
}

/** Whether a master gives a slot away, or receives one: then a key may be in no snapshot, or in two. */
async function hasMoving(url: string, node: string, waitMs: number): Promise<boolean> {
  const redis = openCommandConnection(url, 'slots', { node })
  try {
    await untilReady(redis, waitMs)
    const nodes = (await redis.call('CLUSTER', 'NODES')) as string
    return nodes.split('\n').some((line) => line.includes('myself') && line.includes('['))
  } finally {
    redis.disconnect()
  }
}

/** What to do where a slot has moved, or is on its way. */
export function slotMoved(): BusMismatch {
  return new BusMismatch(
    'A slot of the cluster moves, or moved meanwhile: some key could be missed, or taken twice. Run this again when the slots are ' +
      'where they are to be (`redis-cli --cluster check`).',
  )
}
