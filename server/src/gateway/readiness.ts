import {
  type Bus,
  type BusClass,
  breakerFault,
  CANARY_EVERY_MS,
  closedNowhere,
  type GuardState,
  type NodeFault,
  type PartitionOwner,
} from '../bus/index.ts'
import type { WallClock } from '../clock.ts'
import type { Delivery } from '../delivery/index.ts'
import type { Canaries } from '../ingest/index.ts'

const LOOK_EVERY_MS = 500
/** One canary period, and two more in which each gateway thought that another one would send. */
const CANARY_STALE_MS = 2.8 * CANARY_EVERY_MS

const DATA_GONE =
  'what was stored is gone: Redis was emptied, or came back without its data. Stop gateways and workers and restore a backup; ' +
  'started again without one, they continue with nothing'

/** Something that does not work. */
export interface RedPart {
  readonly part: 'redis' | 'breaker' | 'delivery' | 'owner' | 'draining'
  /** Of `delivery` and `owner`. */
  readonly partition?: number
  /** Of `breaker`. */
  readonly class?: BusClass
  /** Of `breaker` and `redis`: the node of a cluster. */
  readonly node?: string
  /** ms since 1970 */
  readonly since: number
  readonly why: string
}

export interface ReadinessReport {
  readonly ready: boolean
  /** Since when it is ready, or is not, ms since 1970. */
  readonly since: number
  /** Every fault, whether or not the faults make it unready. */
  readonly red: readonly RedPart[]
  readonly tails: readonly { readonly partition: number; readonly live: boolean; readonly canaryAgeMs: number }[]
  /** As last seen while Redis answered. */
  readonly partitions: readonly PartitionOwner[]
  /** Breakers of this gateway. */
  readonly breakers: readonly GuardState[]
  /** Live workers with their own breakers, as last seen. */
  readonly workers: readonly { readonly worker: string; readonly breakers: readonly GuardState[] }[]
  /** The gateway is handing its clients to others before it stops. */
  readonly draining: boolean
}

export interface ReadinessOptions {
  readonly bus: Bus
  /** Minimum share of the partitions that must work, 0 to 1. */
  readonly readyShare: number
  readonly delivery: Pick<Delivery, 'tailState'>
  readonly canaries: Canaries
  readonly clock: WallClock
  /** Called with one line when a gateway that was ready is not, and when it is again; not while it is about to stop. */
  readonly warn?: ((line: string) => void) | undefined
}

/**
 * Whether this gateway should get traffic: entries written to Redis come back through its tails, no breaker is open,
 * and enough partitions have an owner. A node of a cluster that fails makes the partitions red that it holds. Looks at Redis on its own schedule, so that an answer never waits for it.
 */
export class Readiness {
  readonly #options: ReadinessOptions
  #partitions: readonly PartitionOwner[] = []
  #workers: ReadinessReport['workers'] = []
  #redisFault: RedPart | undefined
  #evictionFault: RedPart | undefined
  /** Nodes of a cluster that fail while others work. */
  #nodeFaults: readonly RedPart[] = []
  /** Partition -> since when it has no owner. */
  readonly #ownerless = new Map<number, number>()
  #emptiedSince: number | undefined
  #drainingSince: number | undefined
  #isKnownAsReady: boolean | undefined
  #verdict: { readonly ready: boolean; readonly since: number }
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReadinessOptions) {
    this.#options = options
    const since = options.clock.now()
    this.#verdict = { ready: false, since }
    this.#redisFault = { part: 'redis', since, why: 'not asked yet' }
  }

  async start(): Promise<void> {
    await this.#look()
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  drain(): void {
    this.#drainingSince = this.#options.clock.now()
  }

  report(): ReadinessReport {
    const { bus, clock, delivery, readyShare } = this.#options
    const tails = delivery.tailState().map(({ partition, live, canaryAgeMs }) => ({ partition, live, canaryAgeMs }))
    const { breakers, partitions } = bus
    const ofPartitions = [...this.#redDelivery(tails), ...this.#redOwners()]
    const nowhere = closedNowhere(breakers)
    const ofGateway = [...this.#redGateway(), ...nowhere.flatMap(redBreaker)]
    const ofNodes = [
      ...this.#redData(),
      ...this.#nodeFaults,
      ...breakers.filter((one) => !nowhere.includes(one)).flatMap(redBreaker),
    ]
    const works = 1 - new Set(ofPartitions.map(({ partition }) => partition)).size / partitions
    const ready = ofGateway.length === 0 && works > 0 && works >= readyShare
    if (ready !== this.#verdict.ready) this.#verdict = { ready, since: clock.now() }
    return {
      ...this.#verdict,
      red: [...ofGateway, ...ofNodes, ...ofPartitions],
      tails,
      partitions: this.#partitions,
      breakers,
      workers: this.#workers,
      draining: this.#drainingSince !== undefined,
    }
  }

  async #look(): Promise<void> {
    const { bus, clock } = this.#options
    try {
      const { owners, workers, faults } = await bus.look()
      const why = bus.evictionReason
      const since = this.#evictionFault?.since ?? clock.now()
      this.#evictionFault = why === undefined ? undefined : { part: 'redis', since, why }
      this.#partitions = owners
      if (workers !== undefined)
        this.#workers = [...workers].map(([worker, report]) => ({ worker, breakers: report.breakers }))
      this.#nodeFaults = faults.map((fault) => this.#redNode(fault))
      this.#redisFault = undefined
      if (!bus.isEmptied) this.#emptiedSince = undefined
      else if (this.#emptiedSince === undefined) {
        this.#emptiedSince = clock.now()
        this.#options.warn?.(DATA_GONE)
      }
      for (const { partition, owned } of owners) {
        if (owned) this.#ownerless.delete(partition)
        else if (!this.#ownerless.has(partition)) this.#ownerless.set(partition, clock.now())
      }
    } catch (error) {
      const since = this.#redisFault?.since ?? clock.now()
      this.#redisFault = { part: 'redis', since, why: error instanceof Error ? error.message : String(error) }
    }
    this.#tell()
  }

  #tell(): void {
    const { ready, red, draining } = this.report()
    if (draining || ready === this.#isKnownAsReady || (!ready && this.#isKnownAsReady === undefined)) return
    if (this.#isKnownAsReady !== undefined) this.#options.warn?.(ready ? 'ready again' : `not ready: ${red[0]!.why}`)
    this.#isKnownAsReady = ready
  }

  /** It continues with what comes: that clients are refused would bring nothing back. */
  #redData(): RedPart[] {
    return this.#emptiedSince === undefined ? [] : [{ part: 'redis', since: this.#emptiedSince, why: DATA_GONE }]
  }

  #redNode({ node, why }: NodeFault): RedPart {
    const before = this.#nodeFaults.find((fault) => fault.node === node)
    return { part: 'redis', node, since: before?.since ?? this.#options.clock.now(), why }
  }

  #redGateway(): RedPart[] {
    const red = [this.#redisFault, this.#evictionFault].filter((fault) => fault !== undefined)
    if (this.#drainingSince !== undefined)
      red.push({ part: 'draining', since: this.#drainingSince, why: 'this gateway is about to stop' })
    return red
  }

  #redDelivery(tails: ReadinessReport['tails']): RedPart[] {
    const { canaries, clock } = this.#options
    return tails.flatMap(({ partition, canaryAgeMs }) => {
      if (canaryAgeMs <= CANARY_STALE_MS) return []
      const cause = canaries.failure(partition)
      const why = `nothing has come through Redis and back for ${canaryAgeMs} ms${cause === undefined ? '' : `: ${cause}`}`
      return [{ part: 'delivery' as const, partition, since: clock.now() - canaryAgeMs, why }]
    })
  }

  #redOwners(): RedPart[] {
    return [...this.#ownerless].map(([partition, since]) => ({
      part: 'owner',
      partition,
      since,
      why: 'no worker owns the partition: its flows and windows stand still',
    }))
  }
}

function redBreaker(breaker: GuardState): RedPart[] {
  const { class: busClass, node, state, since } = breaker
  if (state === 'closed') return []
  const why = breakerFault(breaker)
  return [{ part: 'breaker', class: busClass, ...(node !== undefined && { node }), since, why }]
}
