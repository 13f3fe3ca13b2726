import {
  type BatchPart,
  type GapFrame,
  type Lane,
  type Position,
  parsePosition,
  type TopicCounts,
  type PositionVector as WireVector,
} from '@tidegate/protocol'
import { PositionVector } from '../../../client-sdk/src/subscriptions/position-vector.ts'
import type { FuzzData } from './log.ts'
import type { Policy } from './schedule.ts'

export interface ReceivedEvent {
  readonly kind: 'event'
  readonly topic: string
  readonly lane: Lane
  readonly at: Position
  readonly key: string
  /** ms since 1970 */
  readonly arrivedAt: number
  /** Which of the account's grants was in force. */
  readonly grant: number
}

export interface ReceivedGap {
  readonly kind: 'gap'
  readonly topic: string
  readonly lane: Lane
  readonly after: Position | undefined
  readonly upTo: Position
  readonly count: number | null
  readonly reason: string
}

/** Events by their reported fate. */
export interface Counts {
  delivered: number
  conflated: number
  sampled: number
  gapped: number
}

export const noCounts = (): Counts => ({ delivered: 0, conflated: 0, sampled: 0, gapped: 0 })

/** Everything a client received of one subscription, over all its connections. */
export class Account {
  /** In the order in which it came. */
  readonly history: (ReceivedEvent | ReceivedGap)[] = []
  /** By `<topic> <lane>`. */
  readonly counts = new Map<string, Counts>()
  /** The same of the present connection, all lanes together: what the server's ledger says too. */
  onConnection = noCounts()
  /** Every policy that was asked for. */
  readonly policies: Policy[]
  /** `maxRate` as granted, one after the other; every connection begins with a grant. */
  readonly grants: (number | undefined)[] = []
  /** From where it was delivered to, exclusive: in all, and on this connection. */
  start: WireVector | undefined
  connectionStart: WireVector | undefined
  /** The client ended it before everything was delivered. */
  left = false
  readonly #positions = new PositionVector()

  constructor(policy: Policy) {
    this.policies = [policy]
  }

  get policy(): Policy {
    return this.policies.at(-1)!
  }

  get positions(): WireVector {
    return this.#positions.toWire()
  }

  disconnected(): void {
    this.connectionStart = undefined
    this.onConnection = noCounts()
  }

  granted(positions: WireVector, maxRate: number | undefined): void {
    this.start ??= positions
    this.connectionStart ??= positions
    this.#positions.merge(positions)
    this.grants.push(maxRate)
  }

  progressed(positions: WireVector): void {
    this.#positions.merge(positions)
  }

  counted(counts: readonly TopicCounts[] = []): void {
    for (const { topic, lane, conflated = 0, sampled = 0 } of counts) {
      this.#count(topic, lane, { ...noCounts(), conflated, sampled })
    }
  }

  received({ topic, lane, events, conflated = 0, sampled = 0 }: BatchPart, arrivedAt: number): void {
    this.#count(topic, lane, { delivered: events.length, conflated, sampled, gapped: 0 })
    for (const { at, data } of events) {
      this.#positions.admit(topic, lane, at)
      const { key } = data as FuzzData
      this.history.push({
        kind: 'event',
        topic,
        lane,
        at: parsePosition(at)!,
        key,
        arrivedAt,
        grant: this.grants.length - 1,
      })
    }
  }

  withheld({ topic, lane, after, upTo, count, reason, conflated = 0, sampled = 0 }: GapFrame): void {
    this.#count(topic, lane, { delivered: 0, conflated, sampled, gapped: count ?? 0 })
    this.#positions.admit(topic, lane, upTo)
    const from = after === undefined ? undefined : parsePosition(after)
    this.history.push({ kind: 'gap', topic, lane, after: from, upTo: parsePosition(upTo)!, count, reason })
  }

  #count(topic: string, lane: Lane, more: Counts): void {
    const name = `${topic} ${lane}`
    let counts = this.counts.get(name)
    if (counts === undefined) {
      counts = noCounts()
      this.counts.set(name, counts)
    }
    for (const sum of [counts, this.onConnection]) addCounts(sum, more)
  }
}

export function addCounts(to: Counts, more: Counts): void {
  for (const fate of FATES) to[fate] += more[fate]
}

export const FATES = ['delivered', 'conflated', 'sampled', 'gapped'] as const

export const sumOf = (counts: Counts): number => FATES.reduce((sum, fate) => sum + counts[fate], 0)
