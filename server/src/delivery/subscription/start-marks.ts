import {
  compareStreamIds,
  LANES,
  type Lane,
  type PositionVector,
  parsePosition,
  type ResumeFrom,
} from '@tidegate/protocol'
import {
  border,
  formatMark,
  isTrimmed,
  type KnownEntry,
  LOG_START,
  type LogHead,
  type LogHeads,
  lastIdBefore,
  type Mark,
  namesEntry,
  wholeEntry,
} from '../../bus/index.ts'
import { LANE_INDEXES, type LaneIndex } from '../wire/entry.ts'
import type { Feed, FeedStart } from './feed.ts'

/**
 * Where a replay starts in one (topic, partition), by lane. `now` and `latest` start at the tail's mark instead.
 *
 * @param missing entries that positions name and that Redis has lost
 */
export function replayStart(
  from: Exclude<ResumeFrom, 'now' | 'latest'>,
  topic: string,
  partition: number,
  epoch: string,
  head: LogHead,
  missing: readonly KnownEntry[] = [],
): FeedStart {
  if (from === 'earliest') return everyLane(epoch, wholeEntry(epoch, head.trimmedTo))
  if ('time' in from) return everyLane(epoch, border(epoch, lastIdBefore(from.time)))
  const markOf = (lane: LaneIndex): Mark => {
    const mark = findMark(from.positions[topic]?.[LANES[lane]] ?? [], partition)
    if (mark === undefined) return wholeEntry(epoch, LOG_START)
    // What follows it in the log may be what was lost, made again: that is told first.
    const isLost = missing.some((entry) => entry.topic === topic && entry.streamId === mark.streamId)
    return isLost || isBeyond(mark, epoch, head) ? { ...mark, epoch: NO_EPOCH } : mark
  }
  return { epoch, marks: [markOf(0), markOf(1), markOf(2)] }
}

/**
 * Entries that positions name and that may be gone: Redis may have lost them when it changed its identity. Of the present
 * epoch that may be so although nobody has noticed, when nobody who knew them looked.
 */
export function doubtful(from: ResumeFrom, topic: string, partition: number, heads: LogHeads): KnownEntry[] {
  if (typeof from === 'string' || 'time' in from) return []
  return LANES.flatMap((lane) => {
    const mark = findMark(from.positions[topic]?.[lane] ?? [], partition)
    return mark === undefined ? [] : entryInDoubt(mark, topic, heads)
  })
}

/** The entry that a mark names, if it may be gone. */
export function entryInDoubt(mark: Mark, topic: string, heads: LogHeads): KnownEntry[] {
  if (!namesEntry(mark)) return []
  const { lastId, trimmedTo } = heads.topics.get(topic)!
  const { epoch, streamId } = mark
  if (epoch === heads.epoch) {
    if (heads.isUnbroken && compareStreamIds(streamId, lastId) <= 0) return []
    if (streamId === lastId) return []
  }
  return compareStreamIds(streamId, trimmedTo) <= 0 ? [] : [{ topic, epoch, streamId }]
}

/** The epoch of a position that the log has never had: what follows it is told as after any change of epoch. */
const NO_EPOCH = 'none'

function isBeyond(mark: Mark, epoch: string, { lastId, trimmedTo }: LogHead): boolean {
  if (mark.epoch !== epoch || !namesEntry(mark)) return false
  return compareStreamIds(mark.streamId, lastId) > 0 && compareStreamIds(mark.streamId, trimmedTo) > 0
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
