import { type Bus, isFresh } from '../bus/index.ts'
import type { Contract } from '../config/contract/model.ts'
import { type LeaseKind, Pool, Turn } from '../lease/index.ts'
import { type BackfillContext, BackfillJob } from './backfill-job.ts'
import { BACKFILLS, type BackfillJobData } from './backfill-queue.ts'
import { BackfillStore } from './backfill-store.ts'
import type { BackfillRun } from './plan.ts'
import { BackfillRefused } from './refused.ts'
import { backfillTarget } from './target.ts'

/** A job may vanish, a backfill may not: without progress for this long it is offered again. */
const RECONCILE_MS = 5_000

export interface BackfillPoolOptions {
  readonly bus: Bus
  readonly contract: Contract
  readonly log: (message: string) => void
}

/** The backfills that one worker process works on. */
export class BackfillPool implements LeaseKind<BackfillJobData> {
  readonly jobs = BACKFILLS
  readonly reconcileMs = RECONCILE_MS
  readonly #bus: Bus
  readonly #contract: Contract
  readonly #context: Omit<BackfillContext, 'clock'>
  readonly #pool: Pool<BackfillJobData>

  constructor({ bus, contract, log }: BackfillPoolOptions) {
    this.#bus = bus
    this.#contract = contract
    this.#context = { partitions: bus.partitions, folding: new Turn(), log }
    this.#pool = new Pool(bus, this, log)
  }

  start(): Promise<void> {
    return this.#pool.start()
  }

  /** Leaves every backfill to others, after a last commit. Anything unfinished at the deadline is left to takeover. */
  close(deadlineMs: number): Promise<void> {
    return this.#pool.close(deadlineMs)
  }

  nameOf({ window, partition }: BackfillJobData): string {
    return `backfill of ${window}, partition ${partition}`
  }

  async open({ window, partition }: BackfillJobData, report: (progress: object) => void) {
    const store = new BackfillStore(partition, window, this.#bus, 'jobs')
    try {
      const context = { ...this.#context, clock: this.#bus.clock(partition) }
      return new BackfillJob(context, backfillTarget(this.#contract, window), store, report)
    } catch (error) {
      if (!(error instanceof BackfillRefused)) throw error
      await discard(store, error.message).catch(() => {})
      return undefined
    }
  }

  async unheld(): Promise<BackfillJobData[]> {
    const listed = await this.#bus.backfills()
    if (listed.length === 0) return []
    const unheld: BackfillJobData[] = []
    for (const { partition, window } of listed) {
      const ledger = this.#bus.backfillLedger(partition, window, 'jobs')
      const record = await ledger.record()
      if (record?.status !== 'open') await ledger.unlist()
      else if (!isFresh((await this.#bus.now(partition)) - record.heartbeat)) unheld.push({ partition, window })
    }
    return unheld
  }

  async leave(): Promise<void> {
    // No other worker relies on this one.
  }
}

/** Ends the backfill of a window that the config no longer has, or that can no longer be filled. */
async function discard(store: BackfillStore, reason: string): Promise<void> {
  const log = await store.log.version()
  const record = await store.ledger.record()
  if (record?.status !== 'open') return
  const reply = await store.ledger.take()
  if (reply.status !== 'ok') return
  const { state } = JSON.parse(record.run) as BackfillRun
  await store.ledger.close(log, reply.ownership.token, { status: 'failed', reason, filled: record.filled, state })
}
