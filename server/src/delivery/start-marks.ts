import { LANES, type Lane, type PositionVector, parsePosition, type ResumeFrom } from '@tidegate/protocol'
import { formatMark, isTrimmed, LOG_START, type LogHead, lastIdBefore, type Mark, wholeEntry } from '../bus/index.ts'
import { LANE_INDEXES, type LaneIndex } from './entry.ts'
import type { Feed, FeedStart } from './feed.ts'

/** Where a replay starts in one (topic, partition), by lane. `now` and `latest` start at the tail's mark instead. */
export function replayStart(
  from: Exclude<ResumeFrom, 'now' | 'latest'>,
  topic: string,
  partition: number,
  epoch: string,
  head: LogHead,
): FeedStart {
  if (from === 'earliest') return everyLane(epoch, wholeEntry(epoch, head.trimmedTo))
  if ('time' in from) return everyLane(epoch, wholeEntry(epoch, lastIdBefore(from.time)))
  const markOf = (lane: LaneIndex): Mark =>
    findMark(from.positions[topic]?.[LANES[lane]] ?? [], partition) ?? wholeEntry(epoch, LOG_START)
  return { epoch, marks: [markOf(0), markOf(1), markOf(2)] }
}

export function everyLane(epoch: string, mark: Mark): FeedStart {
  return { epoch, marks: [mark, mark, mark] }
}

/** Whether every event after the start is still in the log. */
export function isComplete(start: FeedStart, head: LogHead): boolean {
  return LANE_INDEXES.every(
    (lane) => start.marks[lane].epoch === start.epoch && !isTrimmed(start.marks[lane], head.trimmedTo),
  )
}

/** The vector a set of marks makes, as clients see it. */
export class VectorBuilder {
  readonly #topics = new Map<string, Map<Lane, string[]>>()

  add(feed: Feed, lane: LaneIndex, mark: Mark): void {
    let lanes = this.#topics.get(feed.topic)
    if (lanes === undefined) {
      lanes = new Map()
      this.#topics.set(feed.topic, lanes)
    }
    const positions = lanes.get(LANES[lane])
    const text = formatMark(feed.partition, mark)
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

function findMark(positions: readonly string[], partition: number): Mark | undefined {
  for (const text of positions) {
    const position = parsePosition(text)
    if (position?.partition === partition) {
      return { epoch: position.epoch, streamId: position.streamId, index: position.index }
    }
  }
  return undefined
}
