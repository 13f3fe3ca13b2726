import { BusUnreachable } from '../errors.ts'
import { routeTo, SLOTS, UNSERVED } from '../route/index.ts'
import { openBulkConnection, type Redis, untilReady } from './connection.ts'
import { slotOf } from './hash-slot.ts'
import { checkRedis } from './redis-fitness.ts'

/**
 * One Redis, or all masters of a cluster, for whoever reads or writes all data: a connection for large values to each. The caller
 * closes it.
 */
export class Masters {
  readonly #url: string
  readonly #nodes: ReadonlyMap<string, Redis>

  private constructor(url: string, nodes: ReadonlyMap<string, Redis>) {
    this.#url = url
    this.#nodes = nodes
  }

  /** @param name of the connections @throws BusUnreachable; BusMismatch where one of them does not fit */
  static async open(url: string, name: string, waitMs: number): Promise<Masters> {
    const route = routeTo(url)
    if (route.isCluster) await route.look()
    const names = new Set(Array.from({ length: SLOTS }, (_, slot) => route.nodeOf(slot)))
    const nodes = new Map<string, Redis>()
    const masters = new Masters(url, nodes)
    try {
      for (const node of names) {
        if (node === undefined) throw new BusUnreachable(`Redis cannot be used: ${UNSERVED}`)
        nodes.set(node, openBulkConnection(url, name, { node }))
      }
      await Promise.all(masters.all.map((redis) => untilReady(redis, waitMs)))
      // What a start warns of, the next start says.
      await Promise.all(masters.all.map((redis) => checkRedis(redis, route.isCluster, () => {})))
      return masters
    } catch (error) {
      masters.close()
      throw error
    }
  }

  get isCluster(): boolean {
    return routeTo(this.#url).isCluster
  }

  get all(): readonly Redis[] {
    return [...this.#nodes.values()]
  }

  /** The one that holds a key, and all that share its slot. @throws BusUnreachable where it is another than at the beginning */
  of(key: string): Redis {
    const node = routeTo(this.#url).nodeOf(slotOf(key))
    const redis = node === undefined ? undefined : this.#nodes.get(node)
    if (redis === undefined) throw new BusUnreachable('The slots of the cluster moved meanwhile: run this again.')
    return redis
  }

  /** By its name: `host:port` in a cluster, '' where there is one Redis. */
  nameOf(redis: Redis): string {
    return [...this.#nodes].find(([, one]) => one === redis)![0]
  }

  close(): void {
    for (const redis of this.all) redis.disconnect()
  }
}
