import { readContract } from './contract/contract-view.ts'
import { storedPartitions } from './contract/topology.ts'
import { BusMismatch } from './errors.ts'
import { readMarker } from './growth/index.ts'
import { keys } from './keys.ts'
import type { Node } from './nodes/node.ts'
import { Nodes } from './nodes/nodes.ts'
import type { AwayPartitions } from './reachable-bus.ts'
import type { Redis, RedisOf } from './redis/connection.ts'
import { infoOf, type RedisInfo, unlessForbidden } from './redis/redis-fitness.ts'
import { redisNow } from './redis/redis-time.ts'
import { checkRights, type Role } from './redis/rights.ts'
import { writeRefusal } from './redis/write-refusal.ts'
import { type GatewayReport, readGatewayReports } from './reports/gateway-report.ts'
import type { Read } from './reports/live-reports.ts'
import { type PartitionOwner, partitionOwners } from './reports/partition-owners.ts'
import { readWorkerReports, type WorkerReport } from './reports/worker-report.ts'
import { routeTo, type SentinelFacts } from './route/index.ts'

/** What a Redis says of itself. */
export interface RedisFacts {
  /** Its name among the nodes of a cluster; '' where there is one Redis. */
  readonly node: string
  /** Fields of INFO; empty where that is not permitted. */
  readonly info: RedisInfo
  /** Parameters of CONFIG GET; empty where that is not permitted. */
  readonly parameters: RedisInfo
  /** Median time of a call, ms. */
  readonly roundTripMs: number
  /** Redis' clock minus the one of this machine, ms. */
  readonly clockAheadMs: number
  /** What the user of REDIS_URL lacks for a process of either role, in words. */
  readonly lackingRights: Readonly<Partial<Record<Role, string>>>
  /** As `writeRefusal` has it. */
  readonly writeRefusal: string | undefined
}

/** A master of a cluster that does not answer, while others do. */
export interface AwayNode extends AwayPartitions {
  /** Whether the reports of workers lie there, and those of gateways: then nothing is known of them. */
  readonly hasWorkers: boolean
  readonly hasGateways: boolean
}

/** What a Redis says of itself, and of the deployment on it. Nothing is written to learn it. */
export interface DeploymentFacts extends RedisFacts {
  /** Further masters of a cluster that hold something of the deployment. */
  readonly others: readonly RedisFacts[]
  readonly away: readonly AwayNode[]
  /** Where Sentinels name the Redis. */
  readonly sentinels: SentinelFacts | undefined
  /** `undefined` where nothing was ever started. */
  readonly partitions: number | undefined
  /** A division of the partitions that has not come to its end. */
  readonly growth: { readonly from: number; readonly to: number } | undefined
  readonly owners: readonly PartitionOwner[]
  /** Partitions of each Redis, by its name. */
  readonly held: ReadonlyMap<string, readonly number[]>
  readonly workers: ReadonlyMap<string, Read<WorkerReport>>
  readonly gateways: ReadonlyMap<string, Read<GatewayReport>>
  /** Hash of the contract of the running processes. */
  readonly contractHash: string | undefined
}

const PINGS = 15
/** One key of each slot by which it is known which contract runs. */
const OF_THE_CONTRACT = [keys.contract, keys.contractRecord, keys.workers]

/**
 * @param assumed partitions, where the node of a cluster that knows their number does not answer
 * @throws BusUnreachable
 */
export async function readDeploymentFacts(url: string, waitMs: number, assumed?: number): Promise<DeploymentFacts> {
  const nodes = new Nodes({ url, name: 'doctor', channels: ['query'] })
  const faults = new Map<Node, string>()
  try {
    await nodes.reach(waitMs, faults)
    const first = nodes.all.find((node) => !faults.has(node))!
    const before = await readRedis(first)
    const { gateway, worker } = before.lackingRights
    // A Sentinel has no data to ask for, one node of a cluster only a part, and others may refuse the calls.
    const isWhole = nodes.isCluster || (before.info.get('redis_mode') ?? 'standalone') === 'standalone'
    const mayRead = isWhole && (gateway === undefined || worker === undefined)
    const deployment = mayRead ? await readDeployment(nodes, faults, waitMs, assumed) : NOTHING
    const answering = nodes.all.filter((node) => !faults.has(node))
    const others = await Promise.all(answering.filter((node) => node !== first).map(withRefusal))
    const away = [...faults].map(([node, why]) => awayNode(nodes, node, why, deployment.partitions ?? 0))
    const refusal = await writeRefusal(first.redis)
    const sentinels = await routeTo(url).sentinelFacts()
    return { ...before, writeRefusal: refusal, others, away, sentinels, ...deployment }
  } finally {
    nodes.close()
  }
}

const NOTHING = {
  partitions: undefined,
  growth: undefined,
  owners: [],
  held: new Map<string, readonly number[]>(),
  workers: new Map<string, WorkerReport>(),
  gateways: new Map<string, GatewayReport>(),
  contractHash: undefined,
} satisfies Partial<DeploymentFacts>

async function withRefusal(node: Node): Promise<RedisFacts> {
  const read = await readRedis(node)
  return { ...read, writeRefusal: await writeRefusal(node.redis) }
}

async function readRedis({ name, redis }: Node): Promise<Omit<RedisFacts, 'writeRefusal'>> {
  const info = await infoOf(redis, 'everything')
  const ofRole = (role: Role) => (info.get('redis_mode') === 'sentinel' ? undefined : rightsFault(redis, role))
  const [gateway, worker] = await Promise.all([ofRole('gateway'), ofRole('worker')])
  return {
    node: name,
    info,
    parameters: await readParameters(redis),
    ...(await readClock(redis)),
    lackingRights: { ...(gateway !== undefined && { gateway }), ...(worker !== undefined && { worker }) },
  }
}

async function readDeployment(
  nodes: Nodes,
  faults: Map<Node, string>,
  waitMs: number,
  assumed: number | undefined,
): Promise<Omit<DeploymentFacts, keyof RedisFacts | 'others' | 'away' | 'sentinels'>> {
  const redisOf = (key: string) => nodes.atKey(key).redis
  const isAway = (key: string) => faults.has(nodes.atKey(key))
  const partitions = isAway(keys.cluster) ? assumed : await storedPartitions(redisOf(keys.cluster))
  if (partitions !== undefined) await nodes.reach(waitMs, faults, partitions)
  const byNode = [...nodes.byNode(partitions ?? 0)].filter(([node]) => !faults.has(node))
  const owners = byNode.map(([{ redis }, held]) => partitionOwners(redis, held))
  return {
    partitions,
    growth: isAway(keys.cluster) ? undefined : await readMarker(redisOf(keys.cluster)),
    held: new Map(byNode.map(([{ name }, held]) => [name, held])),
    owners: (await Promise.all(owners)).flat().sort((a, b) => a.partition - b.partition),
    workers: isAway(keys.workers) ? new Map() : await readWorkerReports(redisOf(keys.workers)),
    gateways: isAway(keys.gateways) ? new Map() : await readGatewayReports(redisOf(keys.gateways)),
    contractHash: OF_THE_CONTRACT.some(isAway) ? undefined : await runningHash(redisOf),
  }
}

function awayNode(nodes: Nodes, node: Node, why: string, partitions: number): AwayNode {
  const holds = (key: string) => nodes.atKey(key) === node
  return {
    node: node.name,
    why,
    partitions: nodes.byNode(partitions).get(node) ?? [],
    hasWorkers: holds(keys.workers),
    hasGateways: holds(keys.gateways),
  }
}

async function runningHash(redisOf: RedisOf): Promise<string | undefined> {
  const contract = await readContract(redisOf)
  return contract?.isRunning ? contract.hash : undefined
}

async function rightsFault(redis: Redis, role: Role): Promise<string | undefined> {
  try {
    await checkRights(redis, role)
    return undefined
  } catch (error) {
    if (error instanceof BusMismatch) return error.message
    throw error
  }
}

async function readParameters(redis: Redis): Promise<RedisInfo> {
  const flat = (await redis.config('GET', '*').catch(unlessForbidden([]))) as readonly string[]
  const named: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) named.push([flat[i]!, flat[i + 1]!])
  return new Map(named)
}

async function readClock(redis: Redis): Promise<Pick<DeploymentFacts, 'roundTripMs' | 'clockAheadMs'>> {
  const asked: { readonly tookMs: number; readonly aheadMs: number }[] = []
  for (let i = 0; i < PINGS; i++) {
    const since = performance.now()
    const time = await redisNow(redis)
    const tookMs = performance.now() - since
    // It was read about half way.
    asked.push({ tookMs, aheadMs: time - (Date.now() - tookMs / 2) })
  }
  asked.sort((a, b) => a.tookMs - b.tookMs)
  return { roundTripMs: asked[Math.floor(PINGS / 2)]!.tookMs, clockAheadMs: asked[0]!.aheadMs }
}
