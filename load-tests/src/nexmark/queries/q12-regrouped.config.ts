import { defineConfig } from 'tidegate'
import { bidsByAuction } from '../topics.ts'

const perBidder = bidsByAuction.window('nexmark.q12_regrouped', {
  tumbling: '10s',
  outOfOrderness: '4s',
  allowedLateness: '0s',
  groupBy: 'bidder',
  aggregate: { bids: 'count' },
})

export default defineConfig({ topics: [bidsByAuction, perBidder] })
