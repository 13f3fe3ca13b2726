import { query } from '../query.ts'
import { paneName } from '../recompute.ts'
import config from './q11.config.ts'

const GAP_MS = 10_000

export const q11 = query('q11', config, {
  description: 'User sessions: bids of each bidder with less than 10 s between them',
  keyField: 'bidder',
  expected(bids) {
    const times = new Map<string, number[]>()
    for (const { time, data } of bids) {
      const ofBidder = times.get(data.bidder)
      if (ofBidder === undefined) times.set(data.bidder, [time])
      else ofBidder.push(time)
    }
    return new Map([...times].flatMap(([bidder, ofBidder]) => sessions(bidder, ofBidder)))
  },
})

function sessions(bidder: string, times: readonly number[]): [string, { bids: number }][] {
  const sorted = times.toSorted((a, b) => a - b)
  const found: [string, { bids: number }][] = []
  let first = 0
  for (let n = 1; n <= sorted.length; n++) {
    const last = sorted[n - 1]!
    if (n < sorted.length && sorted[n]! - last < GAP_MS) continue
    found.push([paneName(bidder, sorted[first]!, last + GAP_MS), { bids: n - first }])
    first = n
  }
  return found
}
