import { openBulkConnection, type Redis, untilReady } from '../connection.ts'
import { BusUnreachable } from '../errors.ts'
import { slotOf } from '../hash-slot.ts'
import { checkRedis } from '../redis-fitness.ts'
import { routeTo, SLOTS, UNSERVED } from '../route/index.ts'

/** Where keys are restored to: one Redis, or the masters of a cluster. The caller closes it. */
export class RestoreTarget {
  readonly #url: string
  readonly #nodes: ReadonlyMap<string, Redis>

  private constructor(url: string, nodes: ReadonlyMap<string, Redis>) {
    this.#url = url
    this.#nodes = nodes
  }

  /** @throws BusUnreachable; BusMismatch where one of them does not fit */
  static async open(url: string, waitMs: number): Promise<RestoreTarget> {
    const route = routeTo(url)
    if (route.isCluster) await route.look()
    const names = new Set(Array.from({ length: SLOTS }, (_, slot) => route.nodeOf(slot)))
    const nodes = new Map<string, Redis>()
    for (const node of names) {
      if (node === undefined) throw new BusUnreachable(`Redis cannot be used: ${UNSERVED}`)
      nodes.set(node, openBulkConnection(url, 'restore', { node }))
    }
    const target = new RestoreTarget(url, nodes)
    try {
      await Promise.all(target.all.map((redis) => untilReady(redis, waitMs)))
      // What a start warns of, the next start says.
      await Promise.all(target.all.map((redis) => checkRedis(redis, route.isCluster, () => {})))
      return target
    } catch (error) {
      target.close()
      throw error
    }
  }

  get all(): readonly Redis[] {
    return [...this.#nodes.values()]
  }

  of(key: string): Redis {
    const node = routeTo(this.#url).nodeOf(slotOf(key))
    const redis = node === undefined ? undefined : this.#nodes.get(node)
    if (redis === undefined) throw new BusUnreachable('The slots of the cluster moved meanwhile: restore again.')
    return redis
  }

  close(): void {
    for (const redis of this.all) redis.disconnect()
  }
}
