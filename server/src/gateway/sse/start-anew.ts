import { type GapFrame, LANES, type ServerFrame } from '@tidegate/protocol'

type Subscribed = Extract<ServerFrame, { type: 'subscribed' }>

/**
 * Frames for a client whose position nobody here knows: it does not resume, and in every lane events before its start
 * may be missing. A snapshot makes up for them.
 */
export function startAnew(subscribed: Subscribed): ServerFrame[] {
  const anew: Subscribed = { ...subscribed, recovered: false }
  return subscribed.snapshot === true ? [anew] : [anew, ...gapsBefore(subscribed)]
}

function gapsBefore({ sub, positions }: Subscribed): GapFrame[] {
  return Object.entries(positions).flatMap(([topic, byLane]) =>
    LANES.flatMap((lane) =>
      (byLane[lane] ?? []).map(
        (upTo): GapFrame => ({ type: 'gap', sub, topic, lane, upTo, count: null, reason: 'reset', fetchable: false }),
      ),
    ),
  )
}
