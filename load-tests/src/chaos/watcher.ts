import { setTimeout as sleep } from 'node:timers/promises'
import { type BusChange, createClient, type Gap, type Subscription, type TidegateClient } from '@tidegate/client/node'
import { type Lane, parsePosition, type SubscribeOptions } from '@tidegate/protocol'
import { EpochGaps } from '../support/epoch-gaps.ts'
import type config from './chaos.config.ts'

export const TOPICS = ['chaos.reading', 'chaos.fahrenheit'] as const
export type WatchedTopic = (typeof TOPICS)[number]

export interface WatcherOptions {
  readonly name: string
  readonly url: string
  readonly subscribe?: SubscribeOptions
  /** Whether it can be slowed down: `paceMs`. */
  readonly isPaced?: boolean
  readonly windowBytes?: number
}

interface Delivered {
  readonly id: string
  readonly at: string
  readonly lane: Lane
  readonly data: { readonly n: number }
}

export interface Delivery {
  readonly at: string
  /** Gaps of reason `epoch` of its partition and lane that came before. */
  readonly epochGaps: number
}

/** Everything one subscriber received of one topic. */
export interface Received {
  /** Event id -> each time it was delivered. */
  readonly events: Map<string, Delivery[]>
  readonly gaps: Gap[]
  readonly subscription: Subscription<unknown>
}

/** An SDK client that subscribes to readings and results, and records everything it receives. */
export class Watcher {
  readonly name: string
  /** How long it takes for each event, ms. */
  paceMs = 0
  readonly received: ReadonlyMap<WatchedTopic, Received>
  readonly bus: { readonly at: number; readonly change: BusChange }[] = []
  readonly #client: TidegateClient<typeof config>
  #since: { readonly n: number; readonly partitions: number; readonly first: Map<string, number> } | undefined

  constructor({ name, url, subscribe = {}, isPaced = false, windowBytes }: WatcherOptions) {
    this.name = name
    this.#client = createClient<typeof config>({ url, ...(windowBytes !== undefined && { windowBytes }) })
    this.#client.onBus((change) => this.bus.push({ at: performance.now(), change }))
    this.received = new Map(TOPICS.map((topic) => [topic, this.#subscribe(topic, subscribe, isPaced)]))
  }

  async ready(): Promise<void> {
    await Promise.all([...this.received.values()].map(({ subscription }) => subscription.ready))
  }

  /** Notes from now on when each topic and partition first delivers an event with this number or a later one. */
  expectFrom(n: number, partitions: number): void {
    this.#since = { n, partitions, first: new Map() }
  }

  /** When the last of them did, `performance.now()`; `undefined` while one is missing. */
  get flowedAt(): number | undefined {
    if (this.#since === undefined) return undefined
    const { first, partitions } = this.#since
    return first.size === TOPICS.length * partitions ? Math.max(...first.values()) : undefined
  }

  /** Topics and partitions that have not delivered any yet. */
  get still(): string[] {
    if (this.#since === undefined) return []
    const { first, partitions } = this.#since
    return TOPICS.flatMap((topic) => Array.from({ length: partitions }, (_, p) => `${topic} ${p}`)).filter(
      (name) => !first.has(name),
    )
  }

  close(): Promise<void> {
    return this.#client.close({ deadlineMs: 0 })
  }

  #subscribe(topic: WatchedTopic, options: SubscribeOptions, isPaced: boolean): Received {
    const events = new Map<string, Delivery[]>()
    const epochGaps = new EpochGaps()
    const take = (event: Delivered) => this.#take(topic, events, epochGaps, event)
    const subscription = isPaced ? this.#client.subscribe(topic, options) : this.#client.subscribe(topic, options, take)
    if (isPaced) void this.#takeInTurn(subscription, take)
    const gaps: Gap[] = []
    subscription.onGap((gap) => {
      gaps.push(gap)
      epochGaps.take(gap)
    })
    return { events, gaps, subscription }
  }

  async #takeInTurn<Event>(events: AsyncIterable<Event>, take: (event: Event) => void): Promise<void> {
    for await (const event of events) {
      take(event)
      if (this.paceMs > 0) await sleep(this.paceMs)
    }
  }

  #take(
    topic: WatchedTopic,
    events: Map<string, Delivery[]>,
    epochGaps: EpochGaps,
    { id, at, lane, data }: Delivered,
  ): void {
    const position = parsePosition(at)!
    const delivery = { at, epochGaps: epochGaps.before(position, lane) }
    const known = events.get(id)
    if (known === undefined) events.set(id, [delivery])
    else known.push(delivery)
    if (this.#since === undefined || data.n < this.#since.n) return
    const name = `${topic} ${position.partition}`
    if (!this.#since.first.has(name)) this.#since.first.set(name, performance.now())
  }
}
