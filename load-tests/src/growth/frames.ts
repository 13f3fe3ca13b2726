import { encodeFrame } from '../support/raw-websocket.ts'
import type { Point } from './point.ts'
import { topicName } from './topics.ts'

/** Filters tell that many groups of events apart. */
export const BUCKETS = 100
/** Coprime to the numbers of keys: events that follow each other are of keys far apart. */
const KEY_STRIDE = 7_919

/** The frames of a load, one after the other: events numbered from 0 over all keys, each frame of the next topic. */
export class Frames {
  readonly #point: Point
  readonly #text: string
  #events = 0
  #frames = 0

  constructor(point: Point) {
    this.#point = point
    const bytes = JSON.stringify(this.#event(1_000_000, '')).length
    this.#text = 'x'.repeat(Math.max(0, point.eventBytes - bytes))
  }

  next(seq: number): Buffer {
    const events = Array.from({ length: this.#point.eventsPerFrame }, () => this.#event(this.#events++, this.#text))
    const topic = topicName(this.#frames++ % this.#point.topics)
    return encodeFrame(Buffer.from(JSON.stringify({ type: 'publish', seq, topic, events }))).frame
  }

  #event(n: number, text: string) {
    const key = `k-${(n * KEY_STRIDE) % this.#point.keys}`
    return { id: `e-${n}`, time: Date.now(), data: { key, n, bucket: n % BUCKETS, text } }
  }
}
