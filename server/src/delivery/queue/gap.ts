import type { GapFrame, GapReason } from '@tidegate/protocol'
import { formatMark, type Mark } from '../../bus/index.ts'
import { countsOf, type Withheld } from '../wire/index.ts'
import type { FeedLane } from './feed-lane.ts'

/** Matched events of one feed lane that a subscriber will not get. The gap waits for its place in the lane. */
export interface Gap {
  readonly kind: 'gap'
  readonly lane: FeedLane
  /** Exclusive. Set anew when everything queued before it has left the queue. */
  after: Mark
  upTo: Mark
  /** `null` when it cannot be known. */
  count: number | null
  readonly reason: GapReason
  /** Events withheld in favour of others in its range or before, reported with it. */
  readonly withheld: Withheld
}

export function gapFrame({ lane, after, upTo, count, reason, withheld }: Gap): GapFrame {
  const { part, partition } = lane
  return {
    type: 'gap',
    sub: part.sub,
    topic: part.topic,
    lane: part.lane,
    ...(after.streamId !== '0-0' && { after: formatMark(partition, after) }),
    upTo: formatMark(partition, upTo),
    count,
    ...countsOf(withheld),
    reason,
    fetchable: reason === 'overflow',
  }
}
