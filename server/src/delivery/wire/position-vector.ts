import { LANES, type Lane, type PositionVector } from '@tidegate/protocol'
import { formatMark, type Mark } from '../../bus/index.ts'
import type { LaneIndex } from './lanes.ts'

/** The vector a set of marks makes, as clients see it. */
export class VectorBuilder {
  readonly #topics = new Map<string, Map<Lane, string[]>>()

  add(log: { readonly topic: string; readonly partition: number }, lane: LaneIndex, mark: Mark): void {
    let lanes = this.#topics.get(log.topic)
    if (lanes === undefined) {
      lanes = new Map()
      this.#topics.set(log.topic, lanes)
    }
    const positions = lanes.get(LANES[lane])
    const text = formatMark(log.partition, mark)
    if (positions === undefined) lanes.set(LANES[lane], [text])
    else positions.push(text)
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  build(): PositionVector {
    return Object.fromEntries([...this.#topics].map(([topic, lanes]) => [topic, Object.fromEntries(lanes)]))
  }
}
