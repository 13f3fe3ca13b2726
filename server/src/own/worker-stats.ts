import type { CommitOperation, CommitReply, LogEntry, WindowDelay, WindowSource } from '../bus/index.ts'
import { systemClock, type WallClock } from '../clock.ts'
import { type FoldCounters, msOf, noCounts } from '../fold/index.ts'
import { StoredCounts } from '../observability/stored-counts.ts'
import type { FoldTotals, PartitionFigures } from '../observability/worker-metrics.ts'

/** The last report of one partition. */
interface PartitionGauges {
  openStates: number
  /** Memory of its state in Redis. */
  stateBytes: number
  /** When the oldest entry was appended that is read and not folded. */
  oldestAt: number | undefined
  lagEntries: number | undefined
  slowestSources: readonly WindowSource[]
  /** By window, infinite where nothing waits for it. */
  watermarks: ReadonlyMap<string, number>
  /** Presence topic -> subjects. */
  present: ReadonlyMap<string, number>
}

/** What a worker process tells of itself: with its heartbeat, and in its metrics. */
export class WorkerStats {
  /** By Redis' clock, as stream ids are. */
  readonly #clockOf: (partition: number) => WallClock
  readonly #onCommit: (status: CommitReply['status'], tookMs: number) => void
  readonly #commits: Record<CommitReply['status'], number> = { ok: 0, fenced: 0, conflict: 0, lineage: 0 }
  readonly #folded = noCounts()
  readonly #stored = new StoredCounts(systemClock)
  readonly #gauges = new Map<number, PartitionGauges>()
  /** Total time of all commits, resends included. */
  #commitMs = 0
  /** Longest commit since the last report, resends included. */
  #slowestCommitMs = 0
  #lostInputs = 0
  #unreadable = 0

  constructor(
    clockOf: (partition: number) => WallClock,
    onCommit: (status: CommitReply['status'], tookMs: number) => void = () => {},
  ) {
    this.#clockOf = clockOf
    this.#onCommit = onCommit
  }

  /** A partition was read; `oldest` is the first entry of the reply. */
  read(partition: number, oldest: LogEntry | undefined): void {
    this.#gaugesOf(partition).oldestAt = oldest === undefined ? undefined : msOf(oldest.streamId)
  }

  /** Everything that was in its logs is folded. */
  caughtUp(partition: number): void {
    this.#gaugesOf(partition).oldestAt = undefined
  }

  committed(status: CommitReply['status'], tookMs: number): void {
    this.#commits[status]++
    this.#commitMs += tookMs
    this.#slowestCommitMs = Math.max(this.#slowestCommitMs, tookMs)
    this.#onCommit(status, tookMs)
  }

  /** The counted events were committed. */
  folded(counters: FoldCounters): void {
    for (const name of Object.keys(this.#folded) as (keyof FoldCounters)[]) this.#folded[name] += counters[name]
  }

  /** The operations were committed. */
  stored(operations: readonly CommitOperation[]): void {
    for (const operation of operations) {
      if (operation.op === 'append' && operation.count !== undefined) this.#stored.add(operation.topic, operation.count)
    }
  }

  holds(partition: number, openStates: number): void {
    this.#gaugesOf(partition).openStates = openStates
  }

  /** @param watermarks by window, infinite where nothing waits for it */
  waitsFor(
    partition: number,
    { sources, watermarks }: { sources: readonly WindowSource[]; watermarks: ReadonlyMap<string, number> },
  ): void {
    const gauges = this.#gaugesOf(partition)
    gauges.slowestSources = sources
    gauges.watermarks = watermarks
  }

  /** So many entries of its inputs are not folded. */
  waits(partition: number, entries: number): void {
    this.#gaugesOf(partition).lagEntries = entries
  }

  /** @param subjects published as present, by presence topic */
  present(partition: number, subjects: ReadonlyMap<string, number>): void {
    this.#gaugesOf(partition).present = subjects
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

  /** Counted since the start. */
  totals(): FoldTotals {
    return { ...this.#folded, lostInputs: this.#lostInputs, unreadableBatches: this.#unreadable }
  }

  /** The partitions that it owns, as they are at this moment. */
  partitions(): ReadonlyMap<number, PartitionFigures> {
    return new Map(
      [...this.#gauges].map(([partition, gauges]) => {
        const now = this.#clockOf(partition).now()
        return [partition, { ...gauges, lagMs: lagAt(now, gauges), watermarkDelaysMs: delaysAt(now, gauges) }]
      }),
    )
  }

  report() {
    const slowestCommitMs = tenths(this.#slowestCommitMs)
    this.#slowestCommitMs = 0
    return {
      partitions: Object.fromEntries(
        [...this.#gauges].map(([partition, gauges]) => {
          const { openStates, stateBytes, slowestSources, lagEntries } = gauges
          const lagMs = lagAt(this.#clockOf(partition).now(), gauges)
          return [partition, { openStates, stateBytes, slowestSources, lagMs, lagEntries }]
        }),
      ),
      commits: this.#commits,
      folded: this.#folded,
      commitMs: tenths(this.#commitMs),
      slowestCommitMs,
      stored: this.#stored.report(),
      windows: this.#windowDelays(),
    }
  }

  #windowDelays(): WindowDelay[] {
    const worst = new Map<string, WindowDelay>()
    for (const [partition, { watermarkDelaysMs }] of this.partitions()) {
      for (const [window, delayMs] of watermarkDelaysMs) {
        const known = worst.get(window)
        // Infinite until anything of it was read.
        if (Number.isFinite(delayMs) && (known === undefined || known.delayMs < delayMs))
          worst.set(window, { window, delayMs, partition })
      }
    }
    return [...worst.values()]
  }

  #gaugesOf(partition: number): PartitionGauges {
    let gauges = this.#gauges.get(partition)
    if (gauges === undefined) {
      gauges = {
        openStates: 0,
        stateBytes: 0,
        oldestAt: undefined,
        lagEntries: undefined,
        slowestSources: [],
        watermarks: NONE,
        present: NONE,
      }
      this.#gauges.set(partition, gauges)
    }
    return gauges
  }
}

const NONE: ReadonlyMap<string, number> = new Map()

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}

function lagAt(now: number, { oldestAt }: PartitionGauges): number {
  return oldestAt === undefined ? 0 : Math.max(0, now - oldestAt)
}

function delaysAt(now: number, { watermarks }: PartitionGauges): ReadonlyMap<string, number> {
  return new Map([...watermarks].map(([window, watermark]) => [window, Math.max(0, now - watermark)]))
}
