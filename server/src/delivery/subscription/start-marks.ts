import { compareStreamIds, type Lane, parsePosition, type ResumeFrom } from '@tidegate/protocol'
import {
  type Ancestor,
  border,
  inheritedMarks,
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
import { entryInDoubt, everyLane, type LogStart } from '../log/index.ts'
import { type ByLane, LANE_INDEXES, type LaneIndex } from '../wire/index.ts'

/** Where a subscription that does not begin now does: its positions read, each once. */
export type ReplayFrom =
  | 'earliest'
  | { readonly time: number }
  | { readonly marks: MarksByTopic; readonly absent: 'now' | undefined }
type MarksByTopic = ReadonlyMap<string, ByLane<ReadonlyMap<number, Mark>>>

/**
 * @param topics of the subscription: positions in others mean nothing to it
 * @param ancestors of each partition: positions may be of a time with fewer
 */
export function replayFrom(
  from: Exclude<ResumeFrom, 'now' | 'latest'>,
  topics: readonly string[],
  ancestors: readonly (readonly Ancestor[])[],
): ReplayFrom {
  if (typeof from === 'string' || 'time' in from) return from
  const { positions, absent } = from
  const marksIn = (topic: string, lane: Lane) =>
    Object.hasOwn(positions, topic)
      ? inheritedMarks(marksOf(positions[topic]![lane] ?? []), topic, ancestors)
      : NO_MARKS
  return {
    absent,
    marks: new Map(
      topics.map((topic) => [topic, [marksIn(topic, 'high'), marksIn(topic, 'normal'), marksIn(topic, 'low')]]),
    ),
  }
}

const NO_MARKS: ReadonlyMap<number, Mark> = new Map()

/** By partition; the first of several counts. */
function marksOf(positions: readonly string[]): ReadonlyMap<number, Mark> {
  const marks = new Map<number, Mark>()
  for (const text of positions) {
    const position = parsePosition(text)
    if (position === undefined || marks.has(position.partition)) continue
    const { partition, ...mark } = position
    marks.set(partition, mark)
  }
  return marks
}

/**
 * Where a replay starts in one (topic, partition), by lane. `now` and `latest` start at the tail's mark instead.
 *
 * @param missing entries that positions name and that Redis has lost
 */
export function replayStart(
  from: ReplayFrom,
  topic: string,
  partition: number,
  epoch: string,
  head: LogHead,
  missing: readonly KnownEntry[] = [],
): LogStart {
  if (from === 'earliest') return everyLane(epoch, wholeEntry(epoch, head.trimmedTo))
  if ('time' in from) return everyLane(epoch, border(epoch, lastIdBefore(from.time)))
  const marks = from.marks.get(topic)
  const isAbsent = marks === undefined || marks.every(({ size }) => size === 0)
  if (isAbsent && from.absent === 'now') return everyLane(epoch, wholeEntry(epoch, head.lastId))
  const markOf = (lane: LaneIndex): Mark => {
    const mark = marks?.[lane].get(partition)
    if (mark === undefined) return wholeEntry(epoch, LOG_START)
    // Behind it in the log, lost events may have been published again: the loss is reported first.
    const isLost = missing.some((entry) => entry.topic === topic && entry.streamId === mark.streamId)
    return isLost || isBeyond(mark, epoch, head) ? { ...mark, epoch: NO_EPOCH } : mark
  }
  return { epoch, marks: [markOf(0), markOf(1), markOf(2)] }
}

/** Entries that positions name and that may be gone. */
export function doubtful(from: ReplayFrom, topic: string, partition: number, heads: LogHeads): KnownEntry[] {
  if (typeof from === 'string' || 'time' in from) return []
  return LANE_INDEXES.flatMap((lane) => {
    const mark = from.marks.get(topic)?.[lane].get(partition)
    return mark === undefined ? [] : entryInDoubt(mark, topic, heads)
  })
}

/** An epoch that the log never had: events behind the position come after a gap, as after any change of epoch. */
const NO_EPOCH = 'none'

function isBeyond(mark: Mark, epoch: string, { lastId, trimmedTo }: LogHead): boolean {
  if (mark.epoch !== epoch || !namesEntry(mark)) return false
  return compareStreamIds(mark.streamId, lastId) > 0 && compareStreamIds(mark.streamId, trimmedTo) > 0
}

/** Whether every event after the start is still in the log. */
export function isComplete(start: LogStart, head: LogHead): boolean {
  return LANE_INDEXES.every(
    (lane) => start.marks[lane].epoch === start.epoch && !isTrimmed(start.marks[lane], head.trimmedTo),
  )
}
