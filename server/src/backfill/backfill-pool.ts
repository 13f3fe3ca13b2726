import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, isFresh } from '../bus/index.ts'
import { JobQueue } from '../bus/jobs/index.ts'
import type { Clock } from '../clock.ts'
import type { Contract } from '../config/model.ts'
import { Turn } from '../lease/index.ts'
import { type BackfillContext, BackfillJob } from './backfill-job.ts'
import { BACKFILLS, type BackfillJobData } from './backfill-queue.ts'
import { BackfillStore } from './backfill-store.ts'
import type { BackfillRun } from './plan.ts'
import { BackfillRefused } from './refused.ts'
import type { RunProgress } from './run-progress.ts'
import { backfillTarget } from './target.ts'

/** A job may vanish, a backfill may not: it is offered again when nobody has worked on it for this long. */
const RECONCILE_MS = 5_000

export interface BackfillPoolOptions {
  readonly bus: Bus
  readonly contract: Contract
  readonly clock: Clock
  readonly log: (message: string) => void
}

/** The backfills that one worker process works on. */
export class BackfillPool {
  readonly #options: BackfillPoolOptions
  readonly #context: BackfillContext
  readonly #queue: JobQueue<BackfillJobData>
  readonly #jobs = new Map<string, BackfillJob>()
  readonly #runs = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(options: BackfillPoolOptions) {
    this.#options = options
    const { bus, clock, log } = options
    this.#context = { partitions: bus.partitions, clock, folding: new Turn(), log }
    this.#queue = new JobQueue(bus, BACKFILLS, (data, report) => this.#hold(data, report))
  }

  start(): void {
    this.#timer = setInterval(() => void this.#reconcile().catch(() => {}), RECONCILE_MS)
  }

  /** Leaves every backfill to others, after a last commit. Whatever is not done by the deadline is left to takeover. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    const handOver = async () => {
      await this.#queue.pause()
      for (const job of this.#jobs.values()) job.stop()
      await Promise.all(this.#runs)
      await this.#queue.close()
    }
    const deadline = new AbortController()
    await Promise.race([handOver().catch(() => {}), pause(deadlineMs, undefined, { signal: deadline.signal })])
    for (const job of this.#jobs.values()) job.abandon()
    deadline.abort()
  }

  async #hold(data: BackfillJobData, report: (progress: RunProgress) => void): Promise<void> {
    const name = BACKFILLS.idOf(data)
    // BullMQ may hand a stalled job to the very worker that still runs it.
    if (this.#jobs.has(name) || this.#isClosing) return
    const run = this.#run(name, data, report)
    this.#runs.add(run)
    await run
    this.#runs.delete(run)
  }

  async #run(name: string, data: BackfillJobData, report: (progress: RunProgress) => void): Promise<void> {
    const { bus, contract, log } = this.#options
    const { partition, window } = data
    const store = new BackfillStore(partition, window, bus, 'jobs')
    try {
      const job = new BackfillJob(this.#context, backfillTarget(contract, window), store, report)
      this.#jobs.set(name, job)
      const isLeft = await job.run()
      if (isLeft) await this.#queue.offer(data)
    } catch (error) {
      if (error instanceof BackfillRefused) await discard(store, error.message).catch(() => {})
      else
        log(
          `backfill of ${window}, partition ${partition}: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
        )
    } finally {
      this.#jobs.delete(name)
    }
  }

  /** Offers what nobody works on. */
  async #reconcile(): Promise<void> {
    const { bus } = this.#options
    const listed = await bus.backfills()
    if (listed.length === 0) return
    await this.#queue.boundExpiries()
    const now = await bus.now()
    for (const { partition, window } of listed) {
      const ledger = bus.backfillLedger(partition, window, 'jobs')
      const record = await ledger.record()
      if (record?.status !== 'open') await ledger.unlist()
      else if (!isFresh(now - record.heartbeat)) await this.#queue.offer({ partition, window })
    }
  }
}

/** Ends the backfill of a window that has gone from the config, or can no longer be filled. */
async function discard(store: BackfillStore, reason: string): Promise<void> {
  const log = await store.log.version()
  const record = await store.ledger.record()
  if (record?.status !== 'open') return
  const reply = await store.ledger.take()
  if (reply.status !== 'ok') return
  const { state } = JSON.parse(record.run) as BackfillRun
  await store.close(log, reply.ownership.token, { status: 'failed', reason, filled: record.filled, state })
}
