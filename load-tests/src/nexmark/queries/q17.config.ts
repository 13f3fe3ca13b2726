import { defineConfig } from 'tidegate'
import { priceRanks } from '../price-ranks.ts'
import { bidsByAuction } from '../topics.ts'

const perDay = bidsByAuction.window('nexmark.q17', {
  tumbling: '1d',
  outOfOrderness: '4s',
  allowedLateness: '0s',
  emit: { every: '2s' },
  aggregate: {
    bids: 'count',
    min: { min: 'price' },
    max: { max: 'price' },
    avg: { avg: 'price' },
    sum: { sum: 'price' },
    ranks: priceRanks,
  },
})

export default defineConfig({ topics: [bidsByAuction, perDay] })
