import { LANES, type Lane } from '@tidegate/protocol'
import type { LaneIndex } from './lanes.ts'

/** The parts of one (subscription, topic, lane): neighbouring events of it share a part of a batch frame. */
export class Part {
  readonly sub: number
  readonly topic: string
  readonly lane: Lane
  /** Its events wait because their subscriber wants them to, and not for anything that is slow. */
  readonly isPaced: boolean
  /** Opening bytes of a part, up to its first event. */
  readonly head: Buffer

  constructor(sub: number, topic: string, lane: LaneIndex, isPaced = false) {
    this.sub = sub
    this.topic = topic
    this.lane = LANES[lane]
    this.isPaced = isPaced
    this.head = Buffer.from(`{"sub":${sub},"topic":${JSON.stringify(topic)},"lane":"${this.lane}","events":[`)
  }
}

/** The part of a topic and lane among those of one subscription. It is the same for all partitions. */
export function partOf(parts: Map<string, Part>, sub: number, topic: string, lane: LaneIndex, isPaced: boolean): Part {
  const name = `${lane}${topic}`
  let part = parts.get(name)
  if (part === undefined) {
    part = new Part(sub, topic, lane, isPaced)
    parts.set(name, part)
  }
  return part
}
