import { compareStreamIds, type PositionVector, type TopicCounts } from '@tidegate/protocol'
import type { Mark } from '../../bus/index.ts'
import type { TopicTail } from '../log/index.ts'
import { VectorBuilder, WithheldByPart } from '../wire/index.ts'
import type { Subscription } from './subscription.ts'

/**
 * How often a quiet subscription is told its positions, if they changed. A resume reads at most this much of the log in
 * vain, and 10,000 quiet sessions cost 2,000 small frames a second.
 */
export const PROGRESS_MS = 5_000

/**
 * Moves the lanes with nothing waiting up to what the tail has read: events that matched nothing are resolved too.
 * A lane whose log went on under another epoch gets a gap queued instead.
 *
 * @returns the positions that moved, and what was withheld before them, or `undefined` when none did
 */
export function collectProgress(
  subscription: Subscription,
  tailOf: (topic: string, partition: number) => TopicTail | undefined,
): { readonly positions: PositionVector; readonly counts?: TopicCounts[] } | undefined {
  const moved = new VectorBuilder()
  const withheld = new WithheldByPart()
  for (const feed of subscription.feeds()) {
    const tail = tailOf(feed.topic, feed.partition)
    if (feed.state.kind !== 'live' || tail === undefined || feed.startsBeyond(tail.cursor)) continue
    const quiet = feed.laneIndexes().filter((lane) => !feed.isWaiting(lane))
    const old = quiet.filter((lane) => feed.epochOf(lane) !== tail.mark.epoch)
    for (const lane of old) feed.tellEpoch(lane, tail.mark)
    const behind = quiet.filter((lane) => !old.includes(lane) && isBeyond(tail.mark, feed.resolvedTo(lane)))
    feed.resolve(behind, tail.mark)
    feed.takeTrailing(behind, withheld)
    for (const lane of behind) moved.add(feed, lane, tail.mark)
  }
  return moved.isEmpty ? undefined : { positions: moved.build(), ...withheld.toField() }
}

/** A position inside the last entry moves to its end: once the entry is trimmed, nobody could tell that nothing came after it. */
function isBeyond(mark: Mark, than: Mark): boolean {
  return (
    compareStreamIds(mark.streamId, than.streamId) > 0 || (mark.streamId === than.streamId && mark.index > than.index)
  )
}
