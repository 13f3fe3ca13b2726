import { LANES, type Lane, type WithheldCounts } from '@tidegate/protocol'
import type { Mark } from '../../bus/index.ts'
import type { LaneIndex } from '../wire/entry.ts'

/** Events withheld in favour of others. */
export interface Withheld {
  conflated: number
  sampled: number
}

export function noneWithheld(): Withheld {
  return { conflated: 0, sampled: 0 }
}

export function isNone({ conflated, sampled }: Withheld): boolean {
  return conflated === 0 && sampled === 0
}

export function addWithheld(more: Withheld, to: Withheld): void {
  to.conflated += more.conflated
  to.sampled += more.sampled
}

/** As frames say it. */
export function countsOf({ conflated, sampled }: Withheld): WithheldCounts {
  return { ...(conflated > 0 && { conflated }), ...(sampled > 0 && { sampled }) }
}

/** Empties one count into another. */
export function moveWithheld(from: Withheld, to: Withheld): void {
  addWithheld(from, to)
  from.conflated = 0
  from.sampled = 0
}

/** What frames say of one (subscription, topic, lane). */
export class Part {
  readonly sub: number
  readonly topic: string
  readonly lane: Lane
  /** Opening bytes of a part, up to its first event. */
  readonly head: Buffer

  constructor(sub: number, topic: string, lane: LaneIndex) {
    this.sub = sub
    this.topic = topic
    this.lane = LANES[lane]
    this.head = Buffer.from(`{"sub":${sub},"topic":${JSON.stringify(topic)},"lane":"${this.lane}","events":[`)
  }
}

/** One lane of one (subscription, topic, partition), the unit of order: its events are queued, delivered and told of in log order. */
export interface FeedLane {
  readonly partition: number
  readonly part: Part
  /** Everything up to here has left the queue: it was handed to the socket, withheld in favour of later ones, or counted in a gap. */
  taken: Mark
  /** Epoch of the newest thing offered. */
  epoch: string
  /** Runs and gaps that have not been handed to the socket. */
  waiting: number
  /** Withheld behind everything that waits: told with what moves the subscriber's position beyond it, so that it counts once whatever the connection does. */
  readonly trailing: Withheld
}
