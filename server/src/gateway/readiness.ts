import { type Guard, type GuardState, type Redis, readWorkerReports } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { Delivery } from '../delivery/index.ts'
import { ownership, type PartitionOwner } from '../queries/index.ts'

/** Asking Redis at every probe would let a busy load balancer load it. */
const CACHE_MS = 250

export interface ReadinessReport {
  readonly ready: boolean
  readonly redis: { readonly ok: boolean; readonly error?: string }
  readonly tails: readonly { readonly partition: number; readonly live: boolean; readonly since: number }[]
  readonly partitions: readonly PartitionOwner[]
  /** Breakers of this gateway. */
  readonly breakers: readonly GuardState[]
  /** Live workers with their own breakers. */
  readonly workers: readonly { readonly worker: string; readonly breakers: readonly GuardState[] }[]
  /** Set while the gateway hands its clients to others before it stops. */
  readonly draining: boolean
}

/** Whether this gateway should get traffic: Redis answers, every tail is live, every partition has an owner. */
export class Readiness {
  readonly #redis: Redis
  readonly #guards: readonly Guard[]
  readonly #partitions: number
  readonly #delivery: Delivery
  readonly #clock: Clock
  #cached: { readonly at: number; readonly report: Promise<ReadinessReport> } | undefined
  draining = false

  constructor(redis: Redis, guards: readonly Guard[], partitions: number, delivery: Delivery, clock: Clock) {
    this.#redis = redis
    this.#guards = guards
    this.#partitions = partitions
    this.#delivery = delivery
    this.#clock = clock
  }

  report(): Promise<ReadinessReport> {
    const now = this.#clock.now()
    if (this.#cached === undefined || now - this.#cached.at >= CACHE_MS)
      this.#cached = { at: now, report: this.#look() }
    return this.#cached.report
  }

  async #look(): Promise<ReadinessReport> {
    const tails = this.#delivery.tailState()
    const breakers = this.#guards.map((guard) => guard.state)
    const rest = { tails, breakers, draining: this.draining }
    try {
      const [partitions, reports] = await Promise.all([
        ownership(this.#redis, this.#partitions),
        readWorkerReports(this.#redis),
      ])
      const workers = [...reports].map(([worker, report]) => ({ worker, breakers: report.breakers }))
      const ready =
        !this.draining &&
        tails.every((tail) => tail.live) &&
        partitions.every((partition) => partition.owned) &&
        breakers.every((breaker) => breaker.state !== 'open')
      return { ready, redis: { ok: true }, partitions, workers, ...rest }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { ready: false, redis: { ok: false, error: message }, partitions: [], workers: [], ...rest }
    }
  }
}
