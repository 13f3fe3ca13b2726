import { BusUnavailable, CorruptBatch, type LogEntry } from '../bus/index.ts'
import type { OnUnreadable, PartitionFold } from '../fold/index.ts'
import type { EntrySource } from './entry-source.ts'
import type { OwnerContext } from './loop-context.ts'

/** Reports of other processes are looked for this often: they cannot wake a read of another slot. */
const LOOK_EVERY_MS = 50
/** The same where this process has all partitions, and the last look found nothing. */
const LOOK_SELDOM_MS = 250

/** The reports of all partitions for the windows that one partition merges. */
export class ReportReader {
  readonly #context: Pick<OwnerContext, 'pipeline' | 'partitions' | 'clock' | 'reports'>
  readonly #fold: PartitionFold
  readonly #source: Pick<EntrySource, 'readReports' | 'withoutInput' | 'wake'>
  readonly #onUnreadable: OnUnreadable
  /** By the monotonic clock: the wall clock may be set back. */
  #readAt = Number.NEGATIVE_INFINITY
  #hasFound = false

  constructor(
    context: Pick<OwnerContext, 'pipeline' | 'partitions' | 'clock' | 'reports'>,
    fold: PartitionFold,
    source: Pick<EntrySource, 'readReports' | 'withoutInput' | 'wake'>,
    onUnreadable: OnUnreadable,
  ) {
    this.#context = context
    this.#fold = fold
    this.#source = source
    this.#onUnreadable = onUnreadable
  }

  /** How long something else may be waited for. */
  get waitMs(): number {
    return Number.isFinite(this.#readAt) ? this.#everyMs : 0
  }

  /** Some have just been stored. */
  wake(): void {
    this.#readAt = Number.NEGATIVE_INFINITY
    this.#source.wake()
  }

  get #everyMs(): number {
    const { reports, partitions } = this.#context
    return this.#hasFound || !reports.hasAll(partitions) ? LOOK_EVERY_MS : LOOK_SELDOM_MS
  }

  async readWhenDue(): Promise<void> {
    const { merged, offsets } = this.#fold
    const windows = merged.names
    const now = performance.now()
    if (windows.length === 0 || now - this.#readAt < this.#everyMs) return
    this.#readAt = now
    this.#hasFound = false
    try {
      for (const window of windows) {
        const askedAt = this.#context.clock.now()
        const reports = await this.#source.readReports(window, offsets)
        if (reports.length > 0) this.#hasFound = true
        for (const { source, entry } of reports) {
          // The offsets lie before the remaining reports: they are read again.
          if (!this.#fold.hasRoomForReport) return
          this.#apply(window, source, entry)
        }
        if (reports.length === 0) merged.polledEmpty(askedAt, window)
        await this.#closeWithoutIdle(window)
      }
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      // They may be of partitions that another Redis holds: what lies in this one is read all the same.
      merged.interrupted()
    }
  }

  #apply(window: string, source: number, entry: LogEntry): void {
    try {
      this.#fold.merged.apply(window, source, entry)
    } catch (error) {
      if (!(error instanceof CorruptBatch)) throw error
      this.#onUnreadable(entry, error)
      this.#fold.merged.passOver(window, source, entry)
    }
  }

  /** Only where windows wait for nobody but partitions that reported to be idle. */
  async #closeWithoutIdle(window: string): Promise<void> {
    const { merged, offsets } = this.#fold
    const idle = merged.idleInTheWay(window)
    if (idle.length === 0) return
    const sources = this.#context.pipeline.sourcesOf(window)
    merged.closeWithout(window, await this.#source.withoutInput(window, sources, idle, offsets))
  }
}
