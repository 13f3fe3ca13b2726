import type { Gap } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { findDerivedFaults } from '../chaos/derived.ts'
import { covers } from '../chaos/fates.ts'
import { TOPICS, type WatchedTopic } from '../chaos/watcher.ts'
import { eachStoredEvent, type StoredEvent } from '../support/stored-events.ts'
import { Column } from './column.ts'
import type { Publishers } from './publishers.ts'
import type { Subscriber, TopicAccount } from './subscriber.ts'

/** The fates of all events of a topic at one subscriber. */
export interface SubscriberTotals {
  readonly subscriber: string
  readonly topic: WatchedTopic
  readonly delivered: number
  readonly redelivered: number
  readonly conflated: number
  readonly gapped: number
  readonly gaps: number
  /** In the log, and neither delivered nor accounted for. */
  readonly lost: number
  readonly doubled: number
  readonly outOfOrder: number
}

export interface Totals {
  readonly acked: number
  readonly inLog: number
  /** Acknowledged, and not in the log. */
  readonly lost: number
  /** Stored more than once. */
  readonly doubled: number
  /** Stored after a later one of its key and lane. */
  readonly outOfOrder: number
  readonly subscribers: readonly SubscriberTotals[]
  /** Flow, windows and late events against a recompute from the log, and examples of what is lost, in words. */
  readonly faults: readonly string[]
}

const MAX_EXAMPLES = 5

/** Compares acknowledged events, the log, the workers' results and what each subscriber received. */
export async function account(
  redis: Redis,
  partitions: number,
  publishers: Publishers,
  subscribers: readonly Subscriber[],
): Promise<Totals> {
  const examples: string[] = []
  const tell = (text: string) => examples.length < MAX_EXAMPLES && examples.push(text)
  const readings = new LogAccount()
  const received = subscribers.flatMap(({ name, accounts }) =>
    TOPICS.map((topic) => new ReceivedAccount(name, topic, accounts.get(topic)!)),
  )
  for (let partition = 0; partition < partitions; partition++) {
    for (const topic of TOPICS) {
      const readers = received.filter((reader) => reader.topic === topic)
      await eachStoredEvent(redis, partition, topic, (event) => {
        if (topic === 'chaos.reading') readings.take(event)
        for (const reader of readers) reader.take(event)
      })
    }
  }
  let lost = 0
  for (let n = 0; n < publishers.published; n++) {
    if (!publishers.isAcked(n) || readings.has(n)) continue
    lost++
    tell(`e-${n}: acknowledged, and not in the log`)
  }
  const { inLog, doubled, outOfOrder } = readings
  return {
    acked: publishers.acked,
    inLog,
    lost,
    doubled,
    outOfOrder,
    subscribers: received.map((reader) => reader.totals(tell)),
    faults: [...examples, ...(await findDerivedFaults(() => redis, partitions))],
  }
}

/** Whether nothing was lost, doubled or out of order anywhere, and results are what they must be. */
export function isExact({ lost, doubled, outOfOrder, subscribers, faults }: Totals): boolean {
  const wrong = subscribers.reduce((sum, each) => sum + each.lost + each.doubled + each.outOfOrder, 0)
  return lost + doubled + outOfOrder + wrong + faults.length === 0
}

/** The contents of the readings' logs. */
class LogAccount {
  inLog = 0
  doubled = 0
  outOfOrder = 0
  readonly #stored = new Column()
  readonly #last = new Map<string, number>()

  take({ lane, body: { key, data } }: StoredEvent): void {
    const { n } = data as { readonly n: number }
    if (this.has(n)) this.doubled++
    else this.inLog++
    this.#stored.set(n, 1)
    const name = `${lane} ${key}`
    if ((this.#last.get(name) ?? -1) > n) this.outOfOrder++
    this.#last.set(name, n)
  }

  has(n: number): boolean {
    return this.#stored.get(n) !== 0
  }
}

/** What one subscriber received of a topic, against its logs. */
class ReceivedAccount {
  readonly topic: WatchedTopic
  readonly #subscriber: string
  readonly #account: TopicAccount
  /** By partition and lane. */
  readonly #gaps: ReadonlyMap<string, readonly Gap[]>
  readonly #missing: string[] = []
  #gapped = 0
  #withheld = 0

  constructor(subscriber: string, topic: WatchedTopic, account: TopicAccount) {
    this.#subscriber = subscriber
    this.topic = topic
    this.#account = account
    this.#gaps = byPlace(account.gaps)
  }

  take({ at, lane, body: { id, data } }: StoredEvent): void {
    if (this.#account.has((data as { readonly n: number }).n)) return
    if (this.#gaps.get(`${at.partition} ${lane}`)?.some((gap) => covers(gap, at))) this.#gapped++
    else if (this.#withheld < this.#account.withheld) this.#withheld++
    else this.#missing.push(id)
  }

  totals(tell: (text: string) => void): SubscriberTotals {
    const { delivered, redelivered, doubled, outOfOrder, gaps, withheld } = this.#account
    for (const id of this.#missing) tell(`${id}: never came to ${this.#subscriber} of ${this.topic}, nor did a gap`)
    return {
      subscriber: this.#subscriber,
      topic: this.topic,
      delivered,
      redelivered,
      conflated: withheld,
      gapped: this.#gapped,
      gaps: gaps.length,
      lost: this.#missing.length,
      doubled,
      outOfOrder,
    }
  }
}

function byPlace(gaps: readonly Gap[]): Map<string, Gap[]> {
  const places = new Map<string, Gap[]>()
  for (const gap of gaps) {
    const place = `${parsePosition(gap.upTo)!.partition} ${gap.lane}`
    const known = places.get(place)
    if (known === undefined) places.set(place, [gap])
    else known.push(gap)
  }
  return places
}
