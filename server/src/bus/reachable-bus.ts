import { Bus, type BusSettings } from './bus.ts'
import { checkFormat } from './contract/format.ts'
import { storedPartitions } from './contract/topology.ts'
import { BusMismatch } from './errors.ts'
import { refuseWhileGrowing } from './growth/index.ts'
import { keys } from './keys.ts'
import type { Node } from './nodes/node.ts'
import { Nodes } from './nodes/nodes.ts'
import { checkKind } from './redis/redis-fitness.ts'

/** A master of a cluster that does not answer. */
export interface AwayPartitions {
  readonly node: string
  readonly why: string
  readonly partitions: readonly number[]
}

export interface ReachableBus {
  /** Calls about partitions that are away fail. The caller closes it. */
  readonly bus: Bus
  readonly away: readonly AwayPartitions[]
  /** All other partitions. */
  readonly readable: ReadonlySet<number>
}

/**
 * Connects a command that only reads to what there is: masters of a cluster that do not answer in time are left out, unless none does.
 *
 * @param assumed partitions, where the node that knows their number does not answer
 * @throws BusUnreachable, BusMismatch
 */
export async function openReachableBus(
  settings: Omit<BusSettings, 'partitions' | 'contract'> & { readonly waitMs: number },
  assumed: number,
): Promise<ReachableBus> {
  const nodes = new Nodes(settings)
  const faults = new Map<Node, string>()
  const redisAt = (key: string) => {
    const node = nodes.atKey(key)
    return faults.has(node) ? undefined : node.redis
  }
  try {
    await nodes.reach(settings.waitMs, faults)
    const answering = nodes.all.filter((node) => !faults.has(node))
    await Promise.all(answering.map(({ redis }) => checkKind(redis, nodes.isCluster)))
    const cluster = redisAt(keys.cluster)
    const partitions = cluster === undefined ? assumed : await storedPartitions(cluster)
    if (partitions === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
    await nodes.reach(settings.waitMs, faults, partitions)
    const format = redisAt(keys.format)
    if (format !== undefined) await checkFormat(format)
    if (cluster !== undefined) await refuseWhileGrowing(cluster)
    const held = nodes.byNode(partitions)
    const away = [...faults].map(([node, why]) => ({ node: node.name, why, partitions: held.get(node) ?? [] }))
    const lost = new Set(away.flatMap((node) => node.partitions))
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const readable = new Set(all.filter((partition) => !lost.has(partition)))
    // Nothing that such commands call asks for ancestors.
    return { bus: new Bus({ ...settings, partitions }, nodes, []), away, readable }
  } catch (error) {
    nodes.close()
    throw error
  }
}
