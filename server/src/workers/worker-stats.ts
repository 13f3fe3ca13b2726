import type { CommitReply, LogEntry } from '../bus/index.ts'
import { type FoldCounters, noCounts } from './fold-counters.ts'

/** What one partition last said of itself. */
interface PartitionGauges {
  openStates: number
  /** Age of the oldest entry of the last read; 0 when there was none. */
  lagMs: number
}

/** Counters of one worker process, published with its heartbeat. */
export class WorkerStats {
  readonly #commits: Record<CommitReply['status'], number> = { ok: 0, fenced: 0, conflict: 0, lineage: 0 }
  readonly #folded = noCounts()
  readonly #gauges = new Map<number, PartitionGauges>()
  /** Longest commit since the last report, resends included. */
  #slowestCommitMs = 0

  /** A partition was read; `oldest` is the first entry of the reply. */
  read(partition: number, oldest: LogEntry | undefined, now: number): void {
    const appendedAt = oldest === undefined ? now : Number(oldest.streamId.split('-')[0])
    this.#gaugesOf(partition).lagMs = Math.max(0, now - appendedAt)
  }

  committed(status: CommitReply['status'], tookMs: number): void {
    this.#commits[status]++
    this.#slowestCommitMs = Math.max(this.#slowestCommitMs, tookMs)
  }

  /** What these count was committed, and so many states are open. */
  folded(partition: number, counters: FoldCounters, openStates: number): void {
    for (const name of Object.keys(this.#folded) as (keyof FoldCounters)[]) this.#folded[name] += counters[name]
    this.#gaugesOf(partition).openStates = openStates
  }

  /** The partition is no longer this worker's. */
  forget(partition: number): void {
    this.#gauges.delete(partition)
  }

  report() {
    const slowestCommitMs = Math.round(this.#slowestCommitMs * 10) / 10
    this.#slowestCommitMs = 0
    return {
      partitions: Object.fromEntries(this.#gauges),
      commits: this.#commits,
      folded: this.#folded,
      slowestCommitMs,
    }
  }

  #gaugesOf(partition: number): PartitionGauges {
    let gauges = this.#gauges.get(partition)
    if (gauges === undefined) {
      gauges = { openStates: 0, lagMs: 0 }
      this.#gauges.set(partition, gauges)
    }
    return gauges
  }
}
