import { LANES, type Lane } from '@tidegate/protocol'
import type { LaneIndex } from './entry.ts'
import type { Mark } from './mark.ts'

/** What frames say of one (subscription, topic, lane): the head of its parts, and what was withheld since the last of them. */
export class Part {
  readonly sub: number
  readonly topic: string
  readonly lane: Lane
  /** Opening bytes of a part, up to its first event. */
  readonly head: Buffer
  /** Events withheld in favour of others, not told yet. */
  readonly untold = { conflated: 0, sampled: 0 }

  constructor(sub: number, topic: string, lane: LaneIndex) {
    this.sub = sub
    this.topic = topic
    this.lane = LANES[lane]
    this.head = Buffer.from(`{"sub":${sub},"topic":${JSON.stringify(topic)},"lane":"${this.lane}","events":[`)
  }

  get hasUntold(): boolean {
    return this.untold.conflated > 0 || this.untold.sampled > 0
  }

  told(): void {
    this.untold.conflated = 0
    this.untold.sampled = 0
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
}
