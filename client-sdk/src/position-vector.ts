import {
  comparePositions,
  LANES,
  type Lane,
  type Position,
  parsePosition,
  type PositionVector as WireVector,
} from '@tidegate/protocol'

/**
 * How far a subscription is resolved, per topic, lane and partition. Lanes overtake each other, so one position per
 * partition would not do. Moves forward only, except into another log epoch, which replaces what was known.
 */
export class PositionVector {
  readonly #topics = new Map<string, Record<Lane, Map<number, { readonly text: string; readonly at: Position }>>>()

  /** Whether the position lies behind what is resolved - a repeat otherwise - and if so resolves up to it. */
  admit(topic: string, lane: Lane, text: string): boolean {
    const at = parsePosition(text)
    if (at === undefined) return true
    const known = this.#lane(topic, lane).get(at.partition)
    if (known !== undefined && known.at.epoch === at.epoch && comparePositions(at, known.at) <= 0) return false
    this.#lane(topic, lane).set(at.partition, { text, at })
    return true
  }

  /** Resolves up to every position of a vector from the server. */
  merge(vector: WireVector): void {
    for (const [topic, lanes] of Object.entries(vector)) {
      for (const lane of LANES) for (const text of lanes[lane] ?? []) this.admit(topic, lane, text)
    }
  }

  toWire(): WireVector {
    const vector: Record<string, Partial<Record<Lane, string[]>>> = {}
    for (const [topic, lanes] of this.#topics) {
      const entry: Partial<Record<Lane, string[]>> = {}
      for (const lane of LANES)
        if (lanes[lane].size > 0) entry[lane] = [...lanes[lane].values()].map(({ text }) => text)
      vector[topic] = entry
    }
    return vector
  }

  #lane(topic: string, lane: Lane): Map<number, { readonly text: string; readonly at: Position }> {
    let lanes = this.#topics.get(topic)
    if (lanes === undefined) {
      lanes = { high: new Map(), normal: new Map(), low: new Map() }
      this.#topics.set(topic, lanes)
    }
    return lanes[lane]
  }
}
