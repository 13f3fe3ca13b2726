import { openCommandConnection, type Redis, untilReady } from './connection.ts'
import { runningContract } from './contract-claim.ts'
import { BusMismatch } from './errors.ts'
import { type GatewayReport, readGatewayReports } from './gateway-report.ts'
import { type PartitionOwner, partitionOwners } from './partition-owners.ts'
import { parseInfo, type RedisInfo, unlessForbidden } from './redis-fitness.ts'
import { redisNow } from './redis-time.ts'
import { checkRights, type Role } from './rights.ts'
import { routeTo, type SentinelFacts } from './route/index.ts'
import { storedPartitions } from './topology.ts'
import { readWorkerReports, type WorkerReport } from './worker-report.ts'

/** What a Redis says of itself, and of the deployment on it. Nothing is written to learn it. */
export interface DeploymentFacts {
  /** Fields of INFO; empty where that is not permitted. */
  readonly info: RedisInfo
  /** Parameters of CONFIG GET; empty where that is not permitted. */
  readonly parameters: RedisInfo
  /** Where Sentinels name the Redis. */
  readonly sentinels: SentinelFacts | undefined
  /** Median time of a call, ms. */
  readonly roundTripMs: number
  /** Redis' clock minus the one of this machine, ms. */
  readonly clockAheadMs: number
  /** What the user of REDIS_URL lacks for a process of either role, in words. */
  readonly lackingRights: Readonly<Partial<Record<Role, string>>>
  /** `undefined` where nothing was ever started. */
  readonly partitions: number | undefined
  readonly owners: readonly PartitionOwner[]
  readonly workers: ReadonlyMap<string, WorkerReport>
  readonly gateways: ReadonlyMap<string, GatewayReport>
  /** Hash of the contract of the running processes. */
  readonly contractHash: string | undefined
}

const PINGS = 15

/** @throws BusUnreachable */
export async function readDeploymentFacts(url: string, waitMs: number): Promise<DeploymentFacts> {
  const redis = openCommandConnection(url, 'doctor')
  try {
    await untilReady(redis, waitMs)
    const info = parseInfo(await redis.info('everything').catch(unlessForbidden('')))
    return {
      info,
      parameters: await readParameters(redis),
      sentinels: await routeTo(url).sentinelFacts(),
      ...(await readClock(redis)),
      // A Sentinel has no data to ask for, and a node of a cluster only a part.
      ...((info.get('redis_mode') ?? 'standalone') === 'standalone' ? await readDeployment(redis) : NOTHING),
    }
  } finally {
    redis.disconnect()
  }
}

const NOTHING = {
  lackingRights: {},
  partitions: undefined,
  owners: [],
  workers: new Map<string, WorkerReport>(),
  gateways: new Map<string, GatewayReport>(),
  contractHash: undefined,
} satisfies Partial<DeploymentFacts>

async function readDeployment(
  redis: Redis,
): Promise<Omit<DeploymentFacts, 'info' | 'parameters' | 'sentinels' | 'roundTripMs' | 'clockAheadMs'>> {
  const [gateway, worker] = await Promise.all([rightsFault(redis, 'gateway'), rightsFault(redis, 'worker')])
  const lackingRights = { ...(gateway !== undefined && { gateway }), ...(worker !== undefined && { worker }) }
  // The other calls may be refused.
  if (gateway !== undefined && worker !== undefined) return { ...NOTHING, lackingRights }
  const partitions = await storedPartitions(redis)
  return {
    lackingRights,
    partitions,
    owners: partitions === undefined ? [] : await partitionOwners(redis, [...Array(partitions).keys()]),
    workers: await readWorkerReports(redis),
    gateways: await readGatewayReports(redis),
    contractHash: await runningContract(redis),
  }
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
