import { type GapFrame, type GapReason, LANES } from '@tidegate/protocol'
import type { FeedLane } from './feed.ts'
import { formatMark, type Mark } from './mark.ts'

/** Matched events of one feed lane that a subscriber will not get, waiting for its place in the lane to be told. */
export interface Gap {
  readonly kind: 'gap'
  readonly lane: FeedLane
  /** Exclusive. Set anew when everything queued before it has left the queue. */
  after: Mark
  upTo: Mark
  /** `null` when it cannot be known. */
  count: number | null
  readonly reason: GapReason
}

export function gapFrame({ lane, after, upTo, count, reason }: Gap): GapFrame {
  const { subscription, topic, partition } = lane.feed
  return {
    type: 'gap',
    sub: subscription.plan.sub,
    topic,
    lane: LANES[lane.lane],
    ...(after.streamId !== '0-0' && { after: formatMark(partition, after) }),
    upTo: formatMark(partition, upTo),
    count,
    reason,
    fetchable: reason === 'overflow',
  }
}
