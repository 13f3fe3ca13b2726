import type { Bus, Roster } from '../bus/index.ts'
import type { Pipeline } from '../fold/index.ts'
import { type LeaseKind, Pool } from '../lease/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import type { Spans } from '../tracing/index.ts'
import { EntrySource } from './entry-source.ts'
import { type OwnerContext, processWide } from './loop-context.ts'
import { PartitionOwner } from './partition-owner.ts'
import { PartitionStore } from './partition-store.ts'
import { Trimmer } from './trimmer.ts'
import type { WorkerStats } from './worker-stats.ts'

const RECONCILE_MS = 1_000

/** A lease on a partition. */
interface Lease {
  readonly partition: number
}

const LEASES = { queue: 'leases', idOf: ({ partition }: Lease) => `partition-${partition}` }

export interface PartitionPoolOptions {
  readonly bus: Bus
  readonly workerId: string
  readonly pipeline: Pipeline
  readonly log: (message: string) => void
  readonly stats: WorkerStats
  /** Notes what the application's code threw. */
  readonly report: ReportDefect
  /** Absent: nobody records traces. */
  readonly spans?: Spans | undefined
}

/**
 * The partitions of one worker process. Once a second it offers every partition of the deployment that lacks a live
 * owner, and gives up those beyond its share.
 */
export class PartitionPool implements LeaseKind<Lease> {
  readonly jobs = LEASES
  readonly reconcileMs = RECONCILE_MS
  readonly #bus: Bus
  readonly #context: Omit<OwnerContext, 'clock'>
  readonly #roster: Roster
  readonly #pool: Pool<Lease>
  #heardAt: number | undefined

  constructor({ bus, workerId, pipeline, log, stats, report, spans }: PartitionPoolOptions) {
    this.#bus = bus
    const { partitions } = bus
    const everywhere = untilTrue(() => bus.isContractEverywhere())
    this.#context = { pipeline, partitions, stats, ...processWide(bus), everywhere, log, report, spans }
    this.#roster = bus.roster(workerId)
    this.#pool = new Pool(bus, this, log)
  }

  start(): Promise<void> {
    return this.#pool.start()
  }

  /** When Redis last took this worker's heartbeat, by the monotonic clock. */
  get heardAt(): number | undefined {
    return this.#heardAt
  }

  /**
   * Hands every partition over: last commit, release, offer. Anything unfinished at the deadline is left to takeover.
   */
  close(deadlineMs: number): Promise<void> {
    return this.#pool.close(deadlineMs)
  }

  nameOf({ partition }: Lease): string {
    return `partition ${partition}`
  }

  async open({ partition }: Lease): Promise<PartitionOwner> {
    const { pipeline, partitions } = this.#context
    const clock = this.#bus.clock(partition)
    const store = new PartitionStore(partition, this.#bus)
    const source = new EntrySource(partition, this.#bus, clock)
    return new PartitionOwner({ ...this.#context, clock }, store, source, new Trimmer(store, pipeline, partitions))
  }

  async unheld(): Promise<Lease[]> {
    const { breakers, partitions } = this.#bus
    const workers = await this.#roster.renew({ breakers, ...this.#context.stats.report() })
    this.#heardAt = performance.now()
    const isSucceeded = await this.#roster.isSucceeded()
    await this.#pool.rest(isSucceeded)
    if (isSucceeded) return []
    this.#pool.yieldExcess(Math.ceil(partitions / Math.max(1, workers)))
    return (await this.#bus.owners()).filter(({ owned }) => !owned)
  }

  leave(): Promise<void> {
    return this.#roster.leave()
  }
}

/** Asks until it is so. While Redis is away it counts as not so. */
function untilTrue(isSo: () => Promise<boolean>): () => Promise<boolean> {
  let wasSo = false
  return async () => {
    wasSo ||= await isSo().catch(() => false)
    return wasSo
  }
}
