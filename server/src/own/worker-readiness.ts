import {
  type BusClass,
  breakerFault,
  closedNowhere,
  type GuardState,
  type WindowSource,
  WORKER_ALIVE_MS,
} from '../bus/index.ts'
import type { WorkerStats } from './worker-stats.ts'

/** Something that does not work. */
interface RedPart {
  readonly part: 'redis' | 'breaker' | 'draining'
  /** Of `breaker`. */
  readonly class?: BusClass
  /** Of `breaker`: the node of a cluster. */
  readonly node?: string
  readonly why: string
}

export interface WorkerReadinessReport {
  readonly ready: boolean
  /** Every fault, whether or not the faults make it unready. */
  readonly red: readonly RedPart[]
  readonly breakers: readonly GuardState[]
  /** Those that the worker owns. */
  readonly partitions: readonly {
    readonly partition: number
    readonly lagMs: number
    readonly lagEntries: number | undefined
    readonly slowestSources: readonly WindowSource[]
  }[]
}

export interface WorkerReadinessOptions {
  readonly stats: Pick<WorkerStats, 'partitions'>
  readonly breakers: () => readonly GuardState[]
  /** When Redis last took the heartbeat of the worker, by the monotonic clock. */
  readonly heardAt: () => number | undefined
  readonly monotonic: () => number
}

/**
 * Whether a worker does its share: Redis takes its heartbeats, and no breaker is open; in a cluster, not those of all nodes. A
 * worker without partitions does.
 */
export class WorkerReadiness {
  readonly #options: WorkerReadinessOptions
  #isDraining = false

  constructor(options: WorkerReadinessOptions) {
    this.#options = options
  }

  drain(): void {
    this.#isDraining = true
  }

  report(): WorkerReadinessReport {
    const breakers = this.#options.breakers()
    const ofWorker = [...this.#redRedis(), ...closedNowhere(breakers).flatMap(redBreaker)]
    if (this.#isDraining) ofWorker.push({ part: 'draining', why: 'this worker is about to stop' })
    const ofNodes = breakers.filter((one) => !closedNowhere(breakers).includes(one)).flatMap(redBreaker)
    return { ready: ofWorker.length === 0, red: [...ofWorker, ...ofNodes], breakers, partitions: this.#partitions() }
  }

  #redRedis(): RedPart[] {
    const heardAt = this.#options.heardAt()
    const silentMs = heardAt === undefined ? Number.POSITIVE_INFINITY : this.#options.monotonic() - heardAt
    if (silentMs < WORKER_ALIVE_MS) return []
    const since = heardAt === undefined ? 'yet' : `for ${Math.round(silentMs)} ms`
    return [{ part: 'redis', why: `Redis has taken no heartbeat of this worker ${since}` }]
  }

  #partitions(): WorkerReadinessReport['partitions'] {
    return [...this.#options.stats.partitions()].map(([partition, { lagMs, lagEntries, slowestSources }]) => ({
      partition,
      lagMs,
      lagEntries,
      slowestSources,
    }))
  }
}

function redBreaker(breaker: GuardState): RedPart[] {
  const { class: busClass, node, state } = breaker
  if (state === 'closed') return []
  return [{ part: 'breaker', class: busClass, ...(node !== undefined && { node }), why: breakerFault(breaker) }]
}
