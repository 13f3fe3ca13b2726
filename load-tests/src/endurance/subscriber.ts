import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Gap, type Subscription, type TidegateClient } from '@tidegate/client/node'
import { type Lane, parsePosition, type SubscribeOptions } from '@tidegate/protocol'
import type config from '../chaos/chaos.config.ts'
import { TOPICS, type WatchedTopic } from '../chaos/watcher.ts'
import { EpochGaps } from '../support/epoch-gaps.ts'
import { Column } from './column.ts'

export interface SubscriberOptions {
  readonly name: string
  readonly url: string
  readonly subscribe?: SubscribeOptions
  readonly windowBytes?: number
  /** How long it takes for each event, ms, by chance. Absent: no time at all. */
  readonly paceMs?: () => number
}

interface Delivered {
  readonly id: string
  readonly at: string
  readonly key: string
  readonly lane: Lane
  readonly data: { readonly n: number }
}

/** Everything one subscriber received of one topic, in few bytes for each event. */
export class TopicAccount {
  delivered = 0
  /** Came again without a gap `epoch` between. */
  doubled = 0
  /** Came again after a gap `epoch`. */
  redelivered = 0
  /** Came after a later one of its key and lane, without such a gap between. */
  outOfOrder = 0
  readonly gaps: Gap[] = []
  /** Withheld by subscriptions that have ended. */
  withheldBefore = 0
  subscription: Subscription<unknown> | undefined
  readonly #epochGaps = new EpochGaps()
  /** Of the last delivery of each event: 1, and one more for each gap `epoch` before it. */
  readonly #eras = new Column()
  readonly #last = new Map<string, { readonly n: number; readonly era: number }>()

  take({ at, key, lane, data: { n } }: Delivered): void {
    const era = 1 + this.#epochGaps.before(parsePosition(at)!, lane)
    const before = this.#eras.get(n)
    if (before === 0) this.delivered++
    else if (before === era) this.doubled++
    else this.redelivered++
    this.#eras.set(n, era)
    const last = this.#last.get(`${lane} ${key}`)
    if (last !== undefined && last.era === era && last.n > n) this.outOfOrder++
    this.#last.set(`${lane} ${key}`, { n, era })
  }

  tell(gap: Gap): void {
    this.gaps.push(gap)
    this.#epochGaps.take(gap)
  }

  has(n: number): boolean {
    return this.#eras.get(n) !== 0
  }

  /** Events reported to it as withheld in favour of others. */
  get withheld(): number {
    return this.withheldBefore + (this.subscription?.conflated ?? 0) + (this.subscription?.sampled ?? 0)
  }
}

/**
 * An SDK client that subscribes to readings and to what workers make of them, and can be exchanged for another one that
 * resumes.
 */
export class Subscriber {
  readonly name: string
  readonly accounts: ReadonlyMap<WatchedTopic, TopicAccount> = new Map(
    TOPICS.map((topic) => [topic, new TopicAccount()]),
  )
  readonly #options: SubscriberOptions
  #isHurrying = false
  #client: TidegateClient<typeof config>

  constructor(options: SubscriberOptions) {
    this.name = options.name
    this.#options = options
    this.#client = this.#open()
  }

  get delivered(): number {
    return [...this.accounts.values()].reduce((sum, { delivered }) => sum + delivered, 0)
  }

  /** Events delivered, and what was withheld in their favour. */
  get received(): number {
    return [...this.accounts.values()].reduce((sum, { delivered, withheld }) => sum + delivered + withheld, 0)
  }

  async ready(): Promise<void> {
    await Promise.all([...this.accounts.values()].map(({ subscription }) => subscription!.ready))
  }

  /** The client goes away at once; another one continues at its positions. */
  async exchange(): Promise<void> {
    for (const account of this.accounts.values()) {
      account.withheldBefore = account.withheld
      account.subscription!.close()
    }
    const before = this.#client
    const positions = new Map([...this.accounts].map(([topic, { subscription }]) => [topic, subscription!.positions]))
    this.#client = this.#open(positions)
    await before.close({ deadlineMs: 0 })
  }

  /** From now on it takes what comes at once. */
  hurry(): void {
    this.#isHurrying = true
  }

  close(): Promise<void> {
    return this.#client.close({ deadlineMs: 0 })
  }

  #open(positions?: ReadonlyMap<WatchedTopic, Subscription<unknown>['positions']>): TidegateClient<typeof config> {
    const { url, windowBytes, subscribe, paceMs } = this.#options
    const client = createClient<typeof config>({ url, ...(windowBytes !== undefined && { windowBytes }) })
    for (const [topic, account] of this.accounts) {
      const from = positions?.get(topic)
      const options = { ...subscribe, ...(from !== undefined && { from: { positions: from } }) }
      const take = (event: Delivered) => account.take(event)
      const subscription =
        paceMs === undefined ? client.subscribe(topic, options, take) : client.subscribe(topic, options)
      if (paceMs !== undefined) void takeInTurn(subscription, take, () => (this.#isHurrying ? 0 : paceMs()))
      subscription.onGap((gap) => account.tell(gap))
      account.subscription = subscription
    }
    return client
  }
}

async function takeInTurn(
  events: AsyncIterable<Delivered>,
  take: (event: Delivered) => void,
  paceMs: () => number,
): Promise<void> {
  try {
    for await (const event of events) {
      take(event)
      const ms = paceMs()
      if (ms > 0) await sleep(ms)
    }
  } catch {
    // The client was closed: the account finds what it did not take.
  }
}
