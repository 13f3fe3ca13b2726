import {
  comparePositions,
  LANES,
  type Lane,
  type Position,
  parsePosition,
  type PositionVector as WireVector,
} from '@tidegate/protocol'

type LanePositions = Map<number, { readonly text: string; readonly at: Position }>

/**
 * How far a subscription is resolved, per topic, lane and partition. Lanes overtake each other, so one position per
 * partition would not do. Moves forward only, except into another log epoch, which replaces the old position.
 */
export class PositionVector {
  readonly #topics = new Map<string, Record<Lane, LanePositions>>()

  /** Resolves up to a position. False when it was resolved already: an event there is a repeat. */
  admit(topic: string, lane: Lane, text: string): boolean {
    const at = parsePosition(text)
    if (at === undefined) return true
    const positions = this.#lanesOf(topic)[lane]
    const known = positions.get(at.partition)?.at
    if (known !== undefined && known.epoch === at.epoch && comparePositions(at, known) <= 0) return false
    positions.set(at.partition, { text, at })
    return true
  }

  /** Resolves up to every position of a vector. */
  merge(vector: WireVector): void {
    for (const [topic, lanes] of Object.entries(vector)) {
      for (const lane of LANES) for (const text of lanes[lane] ?? []) this.admit(topic, lane, text)
    }
  }

  copy(): PositionVector {
    const copy = new PositionVector()
    copy.merge(this.toWire())
    return copy
  }

  equals(other: PositionVector): boolean {
    return this.#isIn(other) && other.#isIn(this)
  }

  #isIn(other: PositionVector): boolean {
    return [...this.#topics].every(([topic, lanes]) =>
      LANES.every((lane) =>
        [...lanes[lane]].every(([partition, { text }]) => other.#lanesOf(topic)[lane].get(partition)?.text === text),
      ),
    )
  }

  toWire(): WireVector {
    // A topic may be called like a member of every object.
    return Object.fromEntries([...this.#topics].map(([topic, lanes]) => [topic, laneTexts(lanes)]))
  }

  #lanesOf(topic: string): Record<Lane, LanePositions> {
    let lanes = this.#topics.get(topic)
    if (lanes === undefined) {
      lanes = { high: new Map(), normal: new Map(), low: new Map() }
      this.#topics.set(topic, lanes)
    }
    return lanes
  }
}

function laneTexts(lanes: Record<Lane, LanePositions>): Partial<Record<Lane, string[]>> {
  const entry: Partial<Record<Lane, string[]>> = {}
  for (const lane of LANES) {
    if (lanes[lane].size > 0) entry[lane] = [...lanes[lane].values()].map(({ text }) => text)
  }
  return entry
}
