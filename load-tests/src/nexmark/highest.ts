import { custom } from 'tidegate'
import type { Bid } from './topics.ts'

export interface HighestBid extends Bid {
  readonly time: number
}

/** The bids at the highest price, in order of time; of one time, in order of bidder and auction. */
export const highest = custom<Bid, readonly HighestBid[], readonly HighestBid[]>({
  version: 1,
  init: () => [],
  add: (state, bid, time) => (bid.price < priceOf(state) ? state : higher(state, [{ ...bid, time }])),
  merge: higher,
  result: inOrder,
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as HighestBid[],
})

export function inOrder(bids: readonly HighestBid[]): HighestBid[] {
  return [...bids].sort(
    (a, b) =>
      a.time - b.time || compare(a.bidder, b.bidder) || compare(a.auction, b.auction) || compare(a.extra, b.extra),
  )
}

function higher(a: readonly HighestBid[], b: readonly HighestBid[]): readonly HighestBid[] {
  if (priceOf(a) !== priceOf(b)) return priceOf(a) > priceOf(b) ? a : b
  return [...a, ...b]
}

const priceOf = (bids: readonly HighestBid[]): number => bids[0]?.price ?? Number.NEGATIVE_INFINITY

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
