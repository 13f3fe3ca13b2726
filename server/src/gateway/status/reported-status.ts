import type {
  GatewayReport,
  PartitionOwner,
  Read,
  RedisState,
  StoredReport,
  WindowDelay,
  WorkerReport,
} from '../../bus/index.ts'
import { byName, bySeverity, deploymentFindings, type Finding, reportOf } from '../../doctor/index.ts'

/** A deployment at one moment, as its processes say it themselves: the answer of `GET /v1/status`. */
export interface ReportedStatus {
  /** When it was read, ms since 1970. */
  readonly at: number
  readonly gateways: readonly ({ readonly gateway: string } & Omit<GatewayReport, 'stored'>)[]
  readonly workers: readonly WorkerStatus[]
  readonly partitions: readonly PartitionStatus[]
  /** Of each window its partition that is furthest behind. */
  readonly windows: readonly WindowDelay[]
  readonly stored: StoredStatus
  /** Topics with dead letters that are stored, as far as was looked; `null` where a partition does not answer. */
  readonly deadLetters: readonly string[] | null
  /** `null` where it may not be asked. */
  readonly redis: RedisState | null
  /** Errors and warnings, the worst first. */
  readonly findings: readonly Finding[]
}

interface WorkerStatus extends Pick<WorkerReport, 'breakers' | 'folded' | 'slowestCommitMs'> {
  readonly worker: string
  readonly partitions: readonly number[]
}

interface PartitionStatus {
  readonly partition: number
  /** The worker; `null` where nobody owns it, or its owner has not said so yet. */
  readonly owner: string | null
  readonly isOwned: boolean
  /** Age of the oldest entry that its owner has read and not folded; `null` without an owner. */
  readonly lagMs: number | null
  /** Entries that are not folded; `null` where that is not known. */
  readonly lagEntries: number | null
  readonly openStates: number
  readonly stateBytes: number
}

/** Events stored by all processes that run, by topic. */
export interface StoredStatus {
  /** Length of a step, ms; 0 where no process says what it has stored. */
  readonly stepMs: number
  /** End of the last step, ms since 1970. */
  readonly until: number
  readonly topics: readonly {
    readonly topic: string
    /** Since the processes started. */
    readonly total: number
    /** Of each of the last steps, oldest first. */
    readonly recent: readonly number[]
  }[]
}

export interface DeploymentReports {
  readonly gateways: ReadonlyMap<string, Read<GatewayReport>>
  readonly workers: ReadonlyMap<string, Read<WorkerReport>>
  readonly owners: readonly PartitionOwner[]
  readonly redis: RedisState | undefined
  readonly deadLetters: readonly string[] | undefined
  /** As the gateway that looks finds it. */
  readonly takesWrites: boolean
  readonly isEmptied: boolean
}

/** Above what any process reports. */
const MOST_STEPS = 60

/** @param at ms since 1970 */
export function reportedStatus(reports: DeploymentReports, at: number): ReportedStatus {
  const { gateways, workers, owners, redis, isEmptied } = reports
  const takesWrites = reports.takesWrites && (redis === undefined || !redis.aof.isEnabled || redis.aof.hasWritten)
  const ofRedis = { away: [], lackingRights: {}, contractHash: undefined, growth: undefined, takesWrites }
  const facts = { gateways, workers, owners, partitions: isEmptied ? undefined : owners.length, ...ofRedis }
  const findings = deploymentFindings(facts, { partitions: owners.length, contractHash: undefined })
  return {
    at,
    gateways: byName(gateways).map(([gateway, { stored: _, ...report }]) => ({ gateway, ...report })),
    workers: byName(workers).map(([worker, { partitions, breakers, folded, slowestCommitMs }]) => {
      return { worker, partitions: Object.keys(partitions).map(Number), breakers, folded, slowestCommitMs }
    }),
    partitions: owners.map((owner) => partitionStatus(owner, workers)),
    windows: worstDelays([...workers.values()].flatMap(({ windows }) => windows ?? [])),
    stored: addedUp([...gateways.values(), ...workers.values()].flatMap(({ stored }) => stored ?? [])),
    deadLetters: reports.deadLetters ?? null,
    redis: redis ?? null,
    findings: bySeverity(findings).filter(({ severity }) => severity !== 'note'),
  }
}

function partitionStatus({ partition, owned }: PartitionOwner, workers: DeploymentReports['workers']): PartitionStatus {
  const [owner, report] = (owned ? reportOf(partition, workers) : undefined) ?? []
  return {
    partition,
    owner: owner ?? null,
    isOwned: owned,
    lagMs: report?.lagMs ?? null,
    lagEntries: report?.lagEntries ?? null,
    openStates: report?.openStates ?? 0,
    stateBytes: report?.stateBytes ?? 0,
  }
}

function worstDelays(delays: readonly WindowDelay[]): WindowDelay[] {
  const worst = new Map<string, WindowDelay>()
  for (const delay of delays) {
    const known = worst.get(delay.window)
    if (known === undefined || known.delayMs < delay.delayMs) worst.set(delay.window, delay)
  }
  return [...worst.values()].sort((a, b) => a.window.localeCompare(b.window))
}

/**
 * Reports are up to a second old, and some end a step before others: the sums end where all of them do. One that ends elsewhere is
 * of a process that hangs, or of an earlier version whose clock is wrong: it holds nobody up, and what is not of the last steps is left out.
 */
function addedUp(reports: readonly StoredReport[]): StoredStatus {
  const untils = reports.map(({ until }) => until).sort((a, b) => a - b)
  const middle = untils[Math.floor(untils.length / 2)] ?? 0
  const stepMs = reports[0]?.stepMs ?? 0
  const until = untils.find((one) => one >= middle - stepMs) ?? 0
  const topics = new Map<string, { total: number; recent: number[] }>()
  for (const report of reports) {
    const after = Math.round((report.until - until) / stepMs)
    for (const [topic, { total, recent }] of Object.entries(report.topics)) {
      const sum = topics.get(topic) ?? { total: 0, recent: [] }
      topics.set(topic, { total: sum.total + total, recent: addedFromTheEnd(sum.recent, upTo(recent, after)) })
    }
  }
  const sorted = [...topics].sort(([a], [b]) => a.localeCompare(b))
  return { stepMs, until, topics: sorted.map(([topic, sum]) => ({ topic, ...sum })) }
}

/** Without so many steps at the end; with as many more where the number is below 0. Nothing where all of them are too old. */
function upTo(recent: readonly number[], steps: number): readonly number[] {
  if (steps <= -MOST_STEPS) return []
  if (steps <= 0) return [...recent, ...new Array<number>(-steps).fill(0)]
  return recent.slice(0, Math.max(0, recent.length - steps))
}

function addedFromTheEnd(a: readonly number[], b: readonly number[]): number[] {
  const length = Math.max(a.length, b.length)
  const at = (counts: readonly number[], i: number) => counts[counts.length - length + i] ?? 0
  return Array.from({ length }, (_, i) => at(a, i) + at(b, i))
}
