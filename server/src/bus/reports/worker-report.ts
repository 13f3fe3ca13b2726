import { keys } from '../keys.ts'
import type { GuardState } from '../nodes/guard.ts'
import type { Redis } from '../redis/connection.ts'
import { type Read, readLiveReports } from './live-reports.ts'
import type { StoredReport } from './stored-report.ts'

/**
 * A worker without a heartbeat for this long does not count. Nor does one whose heartbeat lies that far in the future:
 * it was written before Redis' clock was set back, and a live worker renews it soon.
 */
export const WORKER_ALIVE_MS = 3_000

/** A source, or key, of a window whose clock is furthest behind the others. */
export interface WindowSource {
  readonly window: string
  readonly source: string
  /** Behind the largest time seen, ms. */
  readonly behindMs: number
}

/** Of an owned partition. */
export interface PartitionReport {
  readonly openStates: number
  /** Memory of its windows' state in Redis, at most 10 s old. */
  readonly stateBytes: number
  /** Age of the oldest entry that was read and is not folded, ms; 0 where there is none. */
  readonly lagMs: number
  /** Entries that are not folded; absent until they were looked at. */
  readonly lagEntries?: number | undefined
  /** One for each window with a clock per source or key that has input. */
  readonly slowestSources: readonly WindowSource[]
}

/** A window in the partitions of one worker. */
export interface WindowDelay {
  readonly window: string
  /** How far its watermark is behind the clock, at most; 0 while nothing waits for it. */
  readonly delayMs: number
  /** Where it is furthest behind. */
  readonly partition: number
}

/** What a worker publishes about itself with its heartbeat; counters count from its start. */
export interface WorkerReport {
  /** Breakers of the worker's own Redis calls. */
  readonly breakers: readonly GuardState[]
  readonly partitions: Readonly<Record<string, PartitionReport>>
  /** Outcome -> commits. */
  readonly commits: Readonly<Record<string, number>>
  readonly folded: {
    readonly events: number
    readonly late: number
    readonly full: number
    readonly panes: number
    readonly deadLetters: number
  }
  /** Total time of all commits, ms. */
  readonly commitMs: number
  /** Longest commit since the previous report, ms. */
  readonly slowestCommitMs: number
  /** Results that it has stored. Absent: of an earlier version. */
  readonly stored?: StoredReport
  /** Absent: of an earlier version. */
  readonly windows?: readonly WindowDelay[]
}

/** Reports of the live workers, by worker id. */
export function readWorkerReports(redis: Redis): Promise<ReadonlyMap<string, Read<WorkerReport>>> {
  return readLiveReports(redis, { heartbeats: keys.workers, reportOf: keys.worker, aliveMs: WORKER_ALIVE_MS })
}
