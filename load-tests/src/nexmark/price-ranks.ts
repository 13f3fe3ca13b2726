import { custom } from 'tidegate'
import type { Bid } from './topics.ts'

/** Numbers of bids below 10,000, from there to below 1,000,000, and above. */
export type PriceRanks = [low: number, middle: number, high: number]

/** One window instead of one with a `where` for each rank. */
export const priceRanks = custom<Bid, PriceRanks, PriceRanks>({
  version: 1,
  init: () => [0, 0, 0],
  add: (state, { price }) => {
    state[price < 10_000 ? 0 : price < 1_000_000 ? 1 : 2]++
    return state
  },
  merge: (into, from) => {
    for (const rank of [0, 1, 2] as const) into[rank] += from[rank]
    return into
  },
  result: ([low, middle, high]) => [low, middle, high],
  encode: (state) => state.join(' '),
  decode: (text) => text.split(' ').map(Number) as PriceRanks,
})
