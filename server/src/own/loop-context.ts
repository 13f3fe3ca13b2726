import type { Bus, Ownership } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { Pipeline } from '../fold/index.ts'
import { type Hold, Turn } from '../lease/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { SharedLimit } from '../shared-limit.ts'
import { withinTimeLimit } from '../time-limit.ts'
import type { Spans } from '../tracing/index.ts'
import { CommandPolls } from './command-poll.ts'
import { CommandRounds } from './command-rounds.ts'
import type { CurrentExpiry } from './current-expiry.ts'
import type { EntityLoader } from './entity-loader.ts'
import type { EntrySource } from './entry-source.ts'
import type { Evidence } from './evidence.ts'
import type { PartitionMeter } from './partition-meter.ts'
import type { PartitionStore } from './partition-store.ts'
import type { PresenceStage } from './presence-stage.ts'
import { ReportWakes } from './report-wakes.ts'
import { SharedReads } from './shared-reads.ts'
import type { Trimmer } from './trimmer.ts'
import { WalkPace } from './walk-pace.ts'
import type { WorkerStats } from './worker-stats.ts'

export interface OwnerContext {
  readonly pipeline: Pipeline
  readonly partitions: number
  /** Of the Redis that holds the partition. */
  readonly clock: Clock
  readonly stats: WorkerStats
  /**
   * One for the process: partitions fold one after the other. In parallel they would all reach their commits at once,
   * and the core would idle while Redis serves them; and of two suspicious ones the wrong one would be blamed.
   */
  readonly folding: Turn
  /** One for the process: commands that partitions have at the same time run together. */
  readonly running: SharedLimit
  /** One for the process: partitions read at the same moments. */
  readonly rounds: CommandRounds
  /** One for the process: it looks for the commands of all partitions that fold events, or wait. */
  readonly polls: CommandPolls
  /** One for the process: what partitions read at the same moment is one call. */
  readonly reads: SharedReads
  /** One for the process, likewise. */
  readonly walking: WalkPace
  /** One for the process. */
  readonly reports: ReportWakes
  /** Whether no worker of an earlier contract holds a partition any more: it would not know every command. */
  readonly everywhere: () => Promise<boolean>
  readonly log: (message: string) => void
  /** Notes what the application's code threw. */
  readonly report: ReportDefect
  /** Absent: nobody records traces. */
  readonly spans?: Spans | undefined
}

/** What all partitions of a process share. */
export function processWide(
  bus: Pick<Bus, 'after' | 'log'>,
): Pick<OwnerContext, 'folding' | 'running' | 'rounds' | 'reads' | 'polls' | 'walking' | 'reports'> {
  const folding = new Turn()
  const running = new SharedLimit(withinTimeLimit, (run) => folding.run(run, { isUrgent: true }))
  const rounds = new CommandRounds()
  const reads = new SharedReads(bus)
  const polls = new CommandPolls(reads)
  return { folding, running, rounds, reads, polls, walking: new WalkPace(), reports: new ReportWakes() }
}

export interface LoopParts {
  readonly store: PartitionStore
  readonly loader: EntityLoader
  readonly source: EntrySource
  readonly trimmer: Trimmer
  readonly expiry: CurrentExpiry
  readonly meter: PartitionMeter
  readonly evidence: Evidence
  /** `undefined` where no topic has presence. */
  readonly presence: PresenceStage | undefined
  readonly ownership: Ownership
  readonly hold: Hold
}
