import { compareStreamIds, type PositionVector, type TopicCounts } from '@tidegate/protocol'
import type { Mark } from '../../bus/index.ts'
import type { TopicTail } from '../log/index.ts'
import { VectorBuilder, WithheldByPart } from '../wire/index.ts'
import type { Subscription } from './subscription.ts'

/**
 * How often a quiet subscription gets its positions, if they changed. A resume re-reads at most this much of the log,
 * and 10,000 quiet sessions cost 2,000 small frames a second.
 */
export const PROGRESS_MS = 5_000

export interface Progress {
  /** Those that moved. */
  readonly positions: PositionVector
  /** Of the events withheld before them. */
  readonly counts?: TopicCounts[]
}

/**
 * Moves lanes with nothing waiting to the tail's cursor: events that matched nothing are resolved too. A lane whose log
 * continued under another epoch gets a gap queued instead.
 *
 * @returns the positions that moved, and the events withheld before them, or `undefined` when none did
 */
export function collectProgress(
  subscription: Subscription,
  tailOf: (topic: string, partition: number) => TopicTail | undefined,
): Progress | undefined {
  const moved = new VectorBuilder()
  const withheld = new WithheldByPart()
  for (const feed of subscription.feeds()) {
    const tail = tailOf(feed.topic, feed.partition)
    if (feed.state.kind !== 'live' || tail === undefined || feed.startsBeyond(tail.mark)) continue
    const quiet = feed.laneIndexes().filter((lane) => !feed.isWaiting(lane))
    const old = quiet.filter((lane) => feed.epochOf(lane) !== tail.mark.epoch)
    for (const lane of old) feed.reportEpoch(lane, tail.mark)
    const behind = quiet.filter((lane) => !old.includes(lane) && isBeyond(tail.mark, feed.resolvedTo(lane)))
    feed.resolve(behind, tail.mark)
    feed.takeTrailing(behind, withheld)
    for (const lane of behind) moved.add(feed, lane, tail.mark)
  }
  return moved.isEmpty ? undefined : { positions: moved.build(), ...withheld.toField() }
}

/**
 * Moves a position inside the last entry to the entry's end: once the entry is trimmed, nobody could know that nothing
 * came after it.
 */
function isBeyond(mark: Mark, than: Mark): boolean {
  return (
    compareStreamIds(mark.streamId, than.streamId) > 0 || (mark.streamId === than.streamId && mark.index > than.index)
  )
}
