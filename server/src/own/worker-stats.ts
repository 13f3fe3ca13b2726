import type { CommitReply, LogEntry, WindowSource } from '../bus/index.ts'
import { type FoldCounters, noCounts } from '../fold/index.ts'

/** The last report of one partition. */
interface PartitionGauges {
  openStates: number
  /** Memory of its state in Redis. */
  stateBytes: number
  /** Age of the oldest entry of the last read; 0 when there was none. */
  lagMs: number
  slowestSources: readonly WindowSource[]
}

/** Counters of one worker process, published with its heartbeat. */
export class WorkerStats {
  readonly #commits: Record<CommitReply['status'], number> = { ok: 0, fenced: 0, conflict: 0, lineage: 0 }
  readonly #folded = noCounts()
  readonly #gauges = new Map<number, PartitionGauges>()
  /** Total time of all commits, resends included. */
  #commitMs = 0
  /** Longest commit since the last report, resends included. */
  #slowestCommitMs = 0

  #lostInputs = 0
  #unreadable = 0

  /** A partition was read; `oldest` is the first entry of the reply. @param now by Redis' clock, as stream ids are */
  read(partition: number, oldest: LogEntry | undefined, now: number): void {
    const appendedAt = oldest === undefined ? now : Number(oldest.streamId.split('-')[0])
    this.#gaugesOf(partition).lagMs = Math.max(0, now - appendedAt)
  }

  committed(status: CommitReply['status'], tookMs: number): void {
    this.#commits[status]++
    this.#commitMs += tookMs
    this.#slowestCommitMs = Math.max(this.#slowestCommitMs, tookMs)
  }

  /** The counted events were committed. */
  folded(counters: FoldCounters): void {
    for (const name of Object.keys(this.#folded) as (keyof FoldCounters)[]) this.#folded[name] += counters[name]
  }

  holds(partition: number, openStates: number): void {
    this.#gaugesOf(partition).openStates = openStates
  }

  waitsFor(partition: number, sources: readonly WindowSource[]): void {
    this.#gaugesOf(partition).slowestSources = sources
  }

  lostInput(): void {
    this.#lostInputs++
  }

  /** A record batch was passed over. */
  unreadable(): void {
    this.#unreadable++
  }

  measured(partition: number, stateBytes: number): void {
    this.#gaugesOf(partition).stateBytes = stateBytes
  }

  /** This worker no longer owns the partition. */
  forget(partition: number): void {
    this.#gauges.delete(partition)
  }

  report() {
    const slowestCommitMs = tenths(this.#slowestCommitMs)
    this.#slowestCommitMs = 0
    return {
      partitions: Object.fromEntries(this.#gauges),
      commits: this.#commits,
      folded: this.#folded,
      lostInputs: this.#lostInputs,
      unreadableBatches: this.#unreadable,
      commitMs: tenths(this.#commitMs),
      slowestCommitMs,
    }
  }

  #gaugesOf(partition: number): PartitionGauges {
    let gauges = this.#gauges.get(partition)
    if (gauges === undefined) {
      gauges = { openStates: 0, stateBytes: 0, lagMs: 0, slowestSources: [] }
      this.#gauges.set(partition, gauges)
    }
    return gauges
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
