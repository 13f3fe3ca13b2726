import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, BusFull } from '../bus/index.ts'
import { type JobKind, JobQueue } from '../bus/jobs/index.ts'
import { errorText } from '../observability/shown-error.ts'
import { Holder } from './holder.ts'
import type { Leased } from './leased.ts'

/** For this long a ledger given up for balance is left to others. */
const YIELD_MS = 3_000
/**
 * How soon a ledger given up is offered. Not inside its job: a BullMQ worker that finishes a job takes the next one in
 * the same call, so the offer would come straight back. After this wait, the worker queues behind the others.
 */
const OFFER_AFTER_MS = 20

/** A kind of ledgers that workers share. `Data` names one of them. */
export interface LeaseKind<Data extends object> {
  readonly jobs: JobKind<Data>
  /** How often to look for unheld ledgers, ms. */
  readonly reconcileMs: number
  /** Name in log lines. */
  nameOf(data: Data): string
  /** The work for a ledger; `undefined` for none. @param report shows its progress in the queue */
  open(data: Data, report: (progress: object) => void): Promise<Leased | undefined>
  /** The ledgers that nobody in the deployment holds. A job may vanish, its work may not. @throws BusUnavailable */
  unheld(): Promise<readonly Data[]>
  /** Everything was handed over. */
  leave(): Promise<void>
}

/** The ledgers of one kind that one worker process holds. It takes offered ones, and offers those that nobody holds. */
export class Pool<Data extends object> {
  readonly #kind: LeaseKind<Data>
  readonly #log: (message: string) => void
  readonly #queue: JobQueue<Data>
  readonly #holders = new Map<string, Holder | undefined>()
  /** What `close` waits for: holders, offers that are about to be made, looks for what nobody holds. */
  readonly #runs = new Set<Promise<unknown>>()
  /** Given up for balance -> until when it is left to others, ms of the monotonic clock. */
  readonly #yielded = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #isClosing = false
  #isResting = false

  constructor(bus: Bus, kind: LeaseKind<Data>, log: (message: string) => void) {
    this.#kind = kind
    this.#log = log
    this.#queue = new JobQueue(bus, kind.jobs, (data, report) => this.#hold(data, report))
  }

  async start(): Promise<void> {
    await this.#reconcile()
    if (this.#isClosing) return
    this.#timer = setInterval(() => void this.#reconcile(), this.#kind.reconcileMs)
  }

  /** Hands everything over: last commit, release, offer. Anything unfinished at the deadline is left to takeover. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    const handOver = async () => {
      await this.#queue.pause()
      for (const holder of this.#holders.values()) holder?.stop()
      await Promise.allSettled(this.#runs)
      await this.#kind.leave()
      await this.#queue.close()
    }
    const deadline = new AbortController()
    await Promise.race([handOver().catch(() => {}), pause(deadlineMs, undefined, { signal: deadline.signal })])
    for (const holder of this.#holders.values()) holder?.abandon()
    deadline.abort()
  }

  /** Gives everything up, and takes nothing, for as long as others have to do the work. */
  async rest(isResting: boolean): Promise<void> {
    if (isResting === this.#isResting || this.#isClosing) return
    this.#isResting = isResting
    if (!isResting) return this.#queue.resume()
    await this.#queue.pause()
    for (const holder of this.#holders.values()) holder?.stop()
  }

  /**
   * Gives up ledgers beyond the share, but none that is being taken, or was just taken over from a dead worker. The share
   * does not limit taking: while a dead worker still counts as alive, the shares of the living do not add up to everything.
   * Nor does BullMQ's concurrency, which does not wake a full worker when it is raised.
   */
  yieldExcess(share: number): void {
    for (const [id, holder] of [...this.#holders].slice(share)) {
      if (holder === undefined || !holder.mayBeGivenUp) continue
      this.#yielded.set(id, performance.now() + YIELD_MS)
      holder.stop()
    }
  }

  async #hold(data: Data, report: (progress: object) => void): Promise<void> {
    const id = this.#kind.jobs.idOf(data)
    // BullMQ may hand a stalled job to the very worker that still runs it.
    if (this.#holders.has(id)) return
    if (this.#isLeaving) return this.#offer(data)
    if (this.#isYielded(id)) return void this.#offerSoon(data)
    this.#holders.set(id, undefined)
    await this.#tracked(this.#run(id, data, report))
  }

  async #run(id: string, data: Data, report: (progress: object) => void): Promise<void> {
    const log = (message: string) => this.#log(`${this.#kind.nameOf(data)}: ${message}`)
    try {
      const leased = await this.#kind.open(data, report)
      if (leased === undefined) return
      const holder = new Holder(leased, log)
      this.#holders.set(id, holder)
      if (this.#isLeaving || this.#isYielded(id)) holder.stop()
      const outcome = await holder.run()
      if (outcome === 'released' && this.#isYielded(id)) void this.#offerSoon(data)
      else if (outcome === 'released') await this.#offer(data)
      if (outcome === 'fenced') log('another worker has it now, or Redis has lost who has it')
    } catch (error) {
      log(errorText(error))
    } finally {
      this.#holders.delete(id)
    }
  }

  async #reconcile(): Promise<void> {
    try {
      // Tracked: it may say that this worker is alive, and must not do so after that was taken back.
      const unheld = await this.#tracked(this.#kind.unheld())
      await this.#queue.boundExpiries()
      for (const data of unheld) await this.#offerOrTake(data)
    } catch {
      // Redis is away: the next round looks again.
    }
  }

  /** A full Redis stores no job. Then each worker takes what nobody holds, or nothing would ever be trimmed there. */
  async #offerOrTake(data: Data): Promise<void> {
    try {
      await this.#queue.offer(data)
    } catch (error) {
      if (!(error instanceof BusFull)) throw error
      if (!this.#isLeaving && !this.#isYielded(this.#kind.jobs.idOf(data))) void this.#hold(data, () => {})
    }
  }

  get #isLeaving(): boolean {
    return this.#isClosing || this.#isResting
  }

  #isYielded(id: string): boolean {
    return !this.#isClosing && (this.#yielded.get(id) ?? 0) > performance.now()
  }

  /** What it cannot offer is offered by a later round, of whatever worker. */
  async #offer(data: Data): Promise<void> {
    await this.#queue.offer(data).catch(() => {})
  }

  #offerSoon(data: Data): Promise<void> {
    return this.#tracked(pause(OFFER_AFTER_MS).then(() => this.#offer(data)))
  }

  async #tracked<T>(run: Promise<T>): Promise<T> {
    this.#runs.add(run)
    try {
      return await run
    } finally {
      this.#runs.delete(run)
    }
  }
}
