import type { AwayNode, Backlog, DeploymentFacts, GatewayReport, GuardState, RedisInfo } from '../../bus/index.ts'
import {
  byName,
  bySeverity,
  deploymentFindings,
  type Finding,
  redisFindings,
  reportOf,
  takesWrites,
} from '../../doctor/index.ts'
import { type TopicLag, together } from './lag.ts'

/** How a deployment is at one moment. Plain data: `tidegate status --json` prints it. */
export interface DeploymentStatus {
  /** No finding is an error. */
  readonly ok: boolean
  /** ms since 1970, of this machine. */
  readonly at: number
  /** Hash of the contract of the running processes. */
  readonly contract: string | null
  readonly redis: RedisStatus
  /** Masters of a cluster that do not answer. Their partitions are missing below. */
  readonly away: readonly AwayNode[]
  readonly gateways: readonly GatewayStatus[]
  readonly workers: readonly WorkerStatus[]
  readonly partitions: readonly PartitionStatus[]
  /** Errors and warnings, the worst first. */
  readonly findings: readonly Finding[]
}

/** Absent values: it may not be asked. */
export interface RedisFigures {
  readonly version: string | null
  readonly uptimeSeconds: number | null
  readonly usedBytes: number | null
  /** `null`: no limit. */
  readonly maxBytes: number | null
  readonly isAppendOnly: boolean | null
  readonly clients: number | null
  readonly commandsPerSecond: number | null
}

/** Of a cluster the figures are added up. */
export interface RedisStatus extends RedisFigures {
  /** Masters of a cluster that hold something of the deployment; 1 where there is one Redis. */
  readonly nodes: number
  /** All of them; where one does not, processes that run cannot say so. */
  readonly takesWrites: boolean
  /** Each of them, by name; one with an empty name where there is one Redis. */
  readonly masters: readonly MasterStatus[]
}

export interface MasterStatus extends RedisFigures {
  readonly node: string
  /** It does not answer: of itself it says nothing. */
  readonly isAway: boolean
  readonly partitions: readonly number[]
}

/** Without what it has stored in the last minute, second by second. */
export interface GatewayStatus extends Omit<GatewayReport, 'stored'> {
  readonly gateway: string
}

export interface WorkerStatus {
  readonly worker: string
  readonly partitions: readonly number[]
  readonly breakers: readonly GuardState[]
  /** Since its start. */
  readonly folded: {
    readonly events: number
    readonly late: number
    readonly panes: number
    readonly deadLetters: number
  }
  readonly slowestCommitMs: number
}

export interface PartitionStatus {
  readonly partition: number
  /** The worker; `null` where nobody owns it, or its owner has not said so yet. */
  readonly owner: string | null
  readonly isOwned: boolean
  /** Of all logs that its owner reads. */
  readonly lag: Backlog
  readonly openStates: number
  readonly stateBytes: number
}

/** @param lag absent: as workers report it @param now ms since 1970 */
export function deploymentStatus(
  facts: DeploymentFacts,
  lag: readonly TopicLag[] | undefined,
  now: number,
  ackReplicas: number,
): DeploymentStatus {
  const { workers, gateways, owners, contractHash } = facts
  const redis = redisStatus(facts)
  const findings = bySeverity([
    ...redisFindings(facts, ackReplicas),
    ...deploymentFindings(
      { ...facts, takesWrites: redis.takesWrites },
      { partitions: facts.partitions ?? 0, contractHash: undefined },
    ),
  ]).filter(({ severity }) => severity !== 'note')
  return {
    ok: findings.every(({ severity }) => severity !== 'error'),
    at: now,
    contract: contractHash ?? null,
    redis,
    away: facts.away,
    gateways: byName(gateways).map(([gateway, { stored: _, ...report }]) => ({ gateway, ...report })),
    workers: byName(workers).map(([worker, { partitions, breakers, folded, slowestCommitMs }]) => {
      const { events, late, panes, deadLetters } = folded
      return {
        worker,
        partitions: Object.keys(partitions).map(Number),
        breakers,
        folded: { events, late, panes, deadLetters },
        slowestCommitMs,
      }
    }),
    partitions: owners.map(({ partition, owned }) => {
      const [owner, report] = reportOf(partition, workers) ?? []
      return {
        partition,
        owner: (owned ? owner : undefined) ?? null,
        isOwned: owned,
        lag:
          lag === undefined
            ? { entries: report?.lagEntries ?? 0, isCounted: false, ageMs: report?.lagMs ?? 0 }
            : together(lag.filter((one) => one.partition === partition)),
        openStates: report?.openStates ?? 0,
        stateBytes: report?.stateBytes ?? 0,
      }
    }),
    findings,
  }
}

function redisStatus(facts: DeploymentFacts): RedisStatus {
  const answering = [facts, ...facts.others]
  const masters = [
    ...answering.map(({ node, info }) => ({
      ...{ node, info, isAway: false },
      partitions: facts.held.get(node) ?? [],
    })),
    ...facts.away.map(({ node, partitions }) => ({ ...{ node, partitions, isAway: true }, info: new Map() })),
  ]
  return {
    nodes: masters.length,
    takesWrites: answering.every(takesWrites),
    ...redisFigures(answering.map(({ info }) => info)),
    masters: masters
      .sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }))
      .map(({ info, ...master }) => ({ ...master, ...redisFigures([info]) })),
  }
}

/** Of several as of one: sums, the shortest uptime, and whether all write a file. */
function redisFigures(infos: readonly RedisInfo[]): RedisFigures {
  const numbers = (field: string) => infos.flatMap((info) => info.get(field) ?? []).map(Number)
  const number = (field: string) => {
    const all = numbers(field)
    return all.length === 0 ? null : all.reduce((sum, each) => sum + each, 0)
  }
  const appendOnly = infos.flatMap((info) => info.get('aof_enabled') ?? [])
  return {
    version: infos[0]?.get('redis_version') ?? null,
    uptimeSeconds: numbers('uptime_in_seconds').sort((a, b) => a - b)[0] ?? null,
    usedBytes: number('used_memory'),
    maxBytes: number('maxmemory') || null,
    isAppendOnly: appendOnly.length === 0 ? null : appendOnly.every((enabled) => enabled === '1'),
    clients: number('connected_clients'),
    commandsPerSecond: number('instantaneous_ops_per_sec'),
  }
}
