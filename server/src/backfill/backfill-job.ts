import type { BackfillLedger, BackfillRecord, Log, LogVersion, Ownership } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { decodeOffsets, decodeProgress, type OnUnreadable, SUSPICIOUS_TAKES } from '../fold/index.ts'
import type { Hold, Leased, LoopEnd, Turn } from '../lease/index.ts'
import { BackfillLoop } from './backfill-loop.ts'
import type { BackfillStore } from './backfill-store.ts'
import type { BackfillRun } from './plan.ts'
import { decodeFilled, type FilledRange } from './range.ts'
import { decodeTotals, progressOf, type RunProgress, type RunTotals } from './run-progress.ts'
import type { BackfillTarget } from './target.ts'

export interface BackfillContext {
  readonly partitions: number
  /** Of the Redis that holds the partition. */
  readonly clock: Clock
  readonly folding: Turn
  readonly log: (message: string) => void
}

/** The backfill of one window in one partition: its loop, each time from the stored state, until it is closed. */
export class BackfillJob implements Leased {
  readonly ledger: BackfillLedger
  readonly log: Log
  readonly #context: BackfillContext
  readonly #target: BackfillTarget
  readonly #store: BackfillStore
  readonly #report: (progress: RunProgress) => void

  constructor(
    context: BackfillContext,
    target: BackfillTarget,
    store: BackfillStore,
    report: (progress: RunProgress) => void,
  ) {
    this.ledger = store.ledger
    this.log = store.log
    this.#context = context
    this.#target = target
    this.#store = store
    this.#report = report
  }

  async isOpen(hold: Hold): Promise<boolean> {
    return (await hold.answered(() => this.ledger.record()))?.status === 'open'
  }

  async loop({ token, takes }: Ownership, hold: Hold): Promise<LoopEnd> {
    const log = await hold.answered(() => this.log.version())
    const record = await hold.answered(() => this.ledger.record())
    if (record?.status !== 'open') return 'done'
    const close = (reason: string, filled: readonly FilledRange[]) => this.#close(hold, log, token, run, reason, filled)
    const run = JSON.parse(record.run) as BackfillRun
    const filled = decodeFilled(record.filled)
    const isOther = record.version !== this.#target.version
    if (isOther) return close('the definition of the window has changed', filled)
    const progress = decodeProgress(record.clocks)
    if (takes > SUSPICIOUS_TAKES) {
      const reached = { from: run.from, to: run.to, endsBy: progress.watermarks[this.#target.window.name] ?? run.from }
      return close('the workers that compute it end: see their logs', [...filled, reached])
    }
    const stored = await hold.answered(() => this.#store.ledger.load(run.state))
    const onProgress = (offsets: ReadonlyMap<string, string>, totals: RunTotals) =>
      this.#report(progressOf(run, new Map(offsets), totals))
    const { partitions, clock, folding } = this.#context
    const [target, store] = [this.#target, this.#store]
    const onUnreadable: OnUnreadable = ({ topic, streamId }, { message }) =>
      this.#context.log(
        `record batch ${streamId} of ${topic} in partition ${store.partition} is passed over: ${message}`,
      )
    const parts = { target, run, filled, store, partitions, clock, folding, token, hold, onProgress, onUnreadable }
    const loop = new BackfillLoop(parts, { ...stateOf(record), log, progress, stored })
    const end = await loop.run()
    const range = { from: run.from, to: run.to }
    if (end === 'done') return close('', [...filled, range])
    if (end !== 'trimmed') return end
    const reason = 'entries that it had yet to read were removed by retention, because nobody worked on it for too long'
    return close(reason, [...filled, { ...range, endsBy: loop.watermark }])
  }

  close(): void {
    // It has no connection of its own.
  }

  async #close(
    hold: Hold,
    log: LogVersion,
    token: string,
    { state }: BackfillRun,
    reason: string,
    filled: readonly FilledRange[],
  ): Promise<LoopEnd> {
    const status = reason === '' ? 'done' : 'failed'
    const { partition, window } = this.#store
    if (reason !== '') this.#context.log(`backfill of ${window}, partition ${partition}: ${reason}`)
    const end = { status, reason, filled: JSON.stringify(filled), state } as const
    return (await hold.answered(() => this.#store.ledger.close(log, token, end))) ?? 'done'
  }
}

function stateOf({ commitSeq, offsets, clocks }: BackfillRecord) {
  return { commitSeq, offsetsText: offsets, offsets: decodeOffsets(offsets), totals: decodeTotals(clocks) }
}
