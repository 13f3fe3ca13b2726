import { setTimeout as pause } from 'node:timers/promises'
import type { Bus, Roster } from '../bus/index.ts'
import { JobQueue } from '../bus/jobs/index.ts'
import type { Clock } from '../clock.ts'
import type { Pipeline } from '../fold/index.ts'
import { Turn } from '../lease/index.ts'
import { EntrySource } from './entry-source.ts'
import { PartitionOwner } from './partition-owner.ts'
import { PartitionStore } from './partition-store.ts'
import { Trimmer } from './trimmer.ts'
import { WorkerStats } from './worker-stats.ts'

const RECONCILE_MS = 1_000
/** A partition given up for balance is left to the others for this long. */
const YIELD_MS = 3_000
/**
 * How soon a partition given up is offered. Not from inside its job: a BullMQ worker that finishes a job takes the next
 * one in the same call, so the offer would come straight back. By then this worker waits behind the others.
 */
const OFFER_AFTER_MS = 20

/** A lease on a partition. */
interface Lease {
  readonly partition: number
}

const LEASES = { queue: 'leases', idOf: ({ partition }: Lease) => `partition-${partition}` }

export interface PartitionPoolOptions {
  readonly bus: Bus
  readonly workerId: string
  readonly pipeline: Pipeline
  readonly clock: Clock
  readonly log: (message: string) => void
}

/**
 * The partitions one worker process owns. Once a second it looks whether any partition of the whole deployment lacks a
 * live owner and offers it - a lease job may vanish, a partition may not - and gives up what exceeds its share.
 */
export class PartitionPool {
  readonly #options: PartitionPoolOptions
  readonly #owners = new Map<number, PartitionOwner>()
  readonly #runs = new Set<Promise<void>>()
  /** Partition given up for balance -> until when it is left to others, ms of the monotonic clock. */
  readonly #yielded = new Map<number, number>()
  readonly #roster: Roster
  readonly #stats = new WorkerStats()
  readonly #folding = new Turn()
  readonly #queue: JobQueue<Lease>
  #timer: NodeJS.Timeout | undefined
  #closing = false

  constructor(options: PartitionPoolOptions) {
    this.#options = options
    const { bus, workerId } = options
    this.#roster = bus.roster(workerId)
    this.#queue = new JobQueue(bus, LEASES, ({ partition }) => this.#own(partition))
  }

  async start(): Promise<void> {
    await this.#reconcile()
    this.#timer = setInterval(() => void this.#reconcile(), RECONCILE_MS)
  }

  /** Hands every partition over: last commit, release, offer. Whatever is not done by the deadline is left to takeover. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    clearInterval(this.#timer)
    const handOver = async () => {
      await this.#queue.pause()
      for (const owner of this.#owners.values()) owner.stop()
      await Promise.all(this.#runs)
      await this.#roster.leave()
      await this.#queue.close()
    }
    const deadline = new AbortController()
    await Promise.race([handOver().catch(() => {}), pause(deadlineMs, undefined, { signal: deadline.signal })])
    for (const owner of this.#owners.values()) owner.abandon()
    deadline.abort()
  }

  async #own(partition: number): Promise<void> {
    // BullMQ may hand a stalled lease to the very worker that still runs it.
    if (this.#owners.has(partition) || this.#closing) return
    if (this.#isYielded(partition)) {
      this.#offerSoon(partition)
      return
    }
    const { bus, pipeline, clock, log } = this.#options
    const { partitions } = bus
    const store = new PartitionStore(partition, bus)
    const source = new EntrySource(partition, bus, clock)
    const context = { pipeline, partitions, clock, stats: this.#stats, folding: this.#folding, log }
    const owner = new PartitionOwner(context, store, source, new Trimmer(store, pipeline, partitions))
    this.#owners.set(partition, owner)
    const run = this.#run(partition, owner)
    this.#runs.add(run)
    await run
    this.#runs.delete(run)
  }

  async #run(partition: number, owner: PartitionOwner): Promise<void> {
    try {
      const outcome = await owner.run()
      if (outcome === 'released' && this.#isYielded(partition)) this.#offerSoon(partition)
      else if (outcome === 'released') await this.#queue.offer({ partition })
      if (outcome === 'fenced') this.#options.log(`partition ${partition}: another worker owns it now`)
    } catch (error) {
      this.#options.log(`partition ${partition}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    } finally {
      this.#owners.delete(partition)
      this.#stats.forget(partition)
    }
  }

  async #reconcile(): Promise<void> {
    try {
      const { bus } = this.#options
      const workers = await this.#roster.renew(this.#report())
      this.#yieldExcess(Math.ceil(bus.partitions / Math.max(1, workers)))
      await this.#queue.boundExpiries()
      for (const { partition, owned } of await bus.owners()) if (!owned) await this.#queue.offer({ partition })
    } catch {
      // Redis is away: the next round looks again.
    }
  }

  #isYielded(partition: number): boolean {
    return !this.#closing && (this.#yielded.get(partition) ?? 0) > performance.now()
  }

  #offerSoon(partition: number): void {
    setTimeout(() => void this.#queue.offer({ partition }).catch(() => {}), OFFER_AFTER_MS)
  }

  /**
   * Gives up what exceeds the share. Taking is not limited by it: while a dead worker still counts as alive the shares
   * of the living do not add up to all partitions. Nor is BullMQ's concurrency, which does not wake a full worker when
   * it is raised.
   */
  #yieldExcess(share: number): void {
    for (const [partition, owner] of [...this.#owners].slice(share)) {
      this.#yielded.set(partition, performance.now() + YIELD_MS)
      owner.stop()
    }
  }

  #report() {
    return { breakers: this.#options.bus.breakers, ...this.#stats.report() }
  }
}
