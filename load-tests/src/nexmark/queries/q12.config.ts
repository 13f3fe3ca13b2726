import { defineConfig } from 'tidegate'
import { bidsByBidder } from '../topics.ts'

const perBidder = bidsByBidder.window('nexmark.q12', {
  tumbling: '10s',
  outOfOrderness: '4s',
  allowedLateness: '0s',
  aggregate: { bids: 'count' },
})

export default defineConfig({ topics: [bidsByBidder, perBidder] })
