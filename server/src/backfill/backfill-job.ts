import { setTimeout as pause } from 'node:timers/promises'
import { type BackfillRecord, HEARTBEAT_EVERY_MS, type LogVersion, type Ownership, type Refusal } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { decodeOffsets, decodeProgress, SUSPICIOUS_TAKES } from '../fold/index.ts'
import { Abandoned, RETRY_MS, type Turn, untilAnswered } from '../lease/index.ts'
import { type BackfillEnd, BackfillLoop } from './backfill-loop.ts'
import type { BackfillStore } from './backfill-store.ts'
import type { BackfillRun } from './plan.ts'
import { decodeFilled, type FilledRange } from './range.ts'
import { decodeTotals, progressOf, type RunProgress } from './run-progress.ts'
import type { BackfillTarget } from './target.ts'

export interface BackfillContext {
  readonly partitions: number
  readonly clock: Clock
  readonly folding: Turn
  readonly log: (message: string) => void
}

/**
 * Works on the backfill of one window in one partition, from take to close. What its loop holds in memory is dropped and
 * loaded again after any commit that was not accepted; one that lost its token ends.
 */
export class BackfillJob {
  readonly #context: BackfillContext
  readonly #target: BackfillTarget
  readonly #store: BackfillStore
  readonly #report: (progress: RunProgress) => void
  #loop: BackfillLoop | undefined
  #isFenced = false
  #isStopping = false
  #isAbandoned = false
  readonly #isOver = () => this.#isFenced || this.#isAbandoned

  constructor(
    context: BackfillContext,
    target: BackfillTarget,
    store: BackfillStore,
    report: (progress: RunProgress) => void,
  ) {
    this.#context = context
    this.#target = target
    this.#store = store
    this.#report = report
  }

  /** Ends `run` after a last commit and the release. */
  stop(): void {
    this.#isStopping = true
    this.#loop?.stop()
  }

  /** Ends `run` as soon as Redis fails to answer a call. */
  abandon(): void {
    this.stop()
    this.#isAbandoned = true
  }

  /** Resolves to whether the work is left for somebody else to go on with. Called once. @throws BusMismatch */
  async run(): Promise<boolean> {
    try {
      const record = await untilAnswered(() => this.#store.ledger.record(), this.#isOver)
      if (record?.status !== 'open') return false
      const ownership = await this.#take()
      if (ownership === undefined) return this.#isStopping
      return await this.#own(ownership)
    } catch (error) {
      if (error instanceof Abandoned) return false
      throw error
    }
  }

  async #own(ownership: Ownership): Promise<boolean> {
    const beat = setInterval(() => void this.#heartbeat(ownership.token), HEARTBEAT_EVERY_MS)
    try {
      for (;;) {
        const end = await this.#loopOnce(ownership)
        if (end === 'closed' || end === 'fenced') return false
        if (end === 'stopped') break
        if (end === 'lineage') await this.#untilSettled()
      }
    } finally {
      // Before the release: a heartbeat after it would take it back.
      clearInterval(beat)
    }
    return untilAnswered(() => this.#store.ledger.release(ownership.token), this.#isOver)
  }

  async #loopOnce({ token, takes }: Ownership): Promise<'closed' | Exclude<BackfillEnd, 'done' | 'trimmed'>> {
    const { partitions, clock, folding } = this.#context
    const log = await untilAnswered(() => this.#store.log.version(), this.#isOver)
    const record = await untilAnswered(() => this.#store.ledger.record(), this.#isOver)
    if (record?.status !== 'open') return 'fenced'
    const close = (reason: string, filled: readonly FilledRange[]) => this.#close(log, token, run, reason, filled)
    const run = JSON.parse(record.run) as BackfillRun
    const filled = decodeFilled(record.filled)
    const isOther = record.version !== this.#target.version
    if (isOther) return close('the definition of the window has changed', filled)
    const progress = decodeProgress(record.clocks)
    if (takes > SUSPICIOUS_TAKES) {
      const reached = { from: run.from, to: run.to, endsBy: progress.watermarks[this.#target.window.name] ?? run.from }
      return close('the workers that compute it end: see their logs', [...filled, reached])
    }
    const stored = await untilAnswered(() => this.#store.load(run.state), this.#isOver)
    const onProgress: ConstructorParameters<typeof BackfillLoop>[0]['onProgress'] = (offsets, totals) =>
      this.#report(progressOf(run, new Map(offsets), totals))
    const [target, store, isOver] = [this.#target, this.#store, this.#isOver]
    const parts = { target, run, filled, store, partitions, clock, folding, token, isOver, onProgress }
    this.#loop = new BackfillLoop(parts, { ...stateOf(record), log, progress, stored })
    if (this.#isStopping) this.#loop.stop()
    const end = await this.#loop.run()
    const range = { from: run.from, to: run.to }
    if (end === 'done') return close('', [...filled, range])
    if (end !== 'trimmed') return end
    const reason = 'entries that it had yet to read were removed by retention, because nobody worked on it for too long'
    return close(reason, [...filled, { ...range, endsBy: this.#loop.watermark }])
  }

  async #close(
    log: LogVersion,
    token: string,
    { state }: BackfillRun,
    reason: string,
    filled: readonly FilledRange[],
  ): Promise<'closed' | Refusal> {
    const status = reason === '' ? 'done' : 'failed'
    const { partition, window } = this.#store
    if (reason !== '') this.#context.log(`backfill of ${window}, partition ${partition}: ${reason}`)
    const end = { status, reason, filled: JSON.stringify(filled), state } as const
    return (await untilAnswered(() => this.#store.close(log, token, end), this.#isOver)) ?? 'closed'
  }

  async #take(): Promise<Ownership | undefined> {
    let hasWaited = false
    while (!this.#isStopping) {
      const reply = await untilAnswered(() => this.#store.ledger.take(), this.#isOver)
      if (reply.status === 'ok') return reply.ownership
      if (reply.status === 'lineage') await this.#untilSettled()
      else if (hasWaited) return undefined
      else {
        hasWaited = true
        await pause(reply.staleInMs + 1)
      }
    }
    return undefined
  }

  async #heartbeat(token: string): Promise<void> {
    try {
      if (await this.#store.ledger.beat(token)) return
      this.#isFenced = true
      this.#loop?.stop()
    } catch {
      // Redis is away: the next heartbeat or commit tells whether the backfill is still ours.
    }
  }

  /** The owner of the partition, or a gateway, settles a changed lineage. */
  async #untilSettled(): Promise<void> {
    for (;;) {
      const lineage = await untilAnswered(() => this.#store.log.lineage(), this.#isOver)
      if (lineage.stored === lineage.current || this.#isStopping) return
      await pause(RETRY_MS)
    }
  }
}

function stateOf({ commitSeq, offsets, clocks }: BackfillRecord) {
  return { commitSeq, offsetsText: offsets, offsets: decodeOffsets(offsets), totals: decodeTotals(clocks) }
}
