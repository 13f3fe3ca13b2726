import { query } from '../query.ts'
import config from './q2.config.ts'

export const q2 = query('q2', config, {
  description: 'Selection: auction and price of the bids on every 123rd auction',
  keyField: 'auction',
  expected(bids) {
    const selected = bids.filter(({ data }) => BigInt(data.auction) % 123n === 0n)
    return new Map(selected.map(({ id, data: { auction, price } }) => [id, { auction, price }]))
  },
})
