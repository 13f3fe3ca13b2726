import { defineConfig } from 'tidegate'
import { bidsByBidder } from '../topics.ts'

const sessions = bidsByBidder.window('nexmark.q11', {
  session: { gap: '10s' },
  outOfOrderness: '4s',
  allowedLateness: '0s',
  aggregate: { bids: 'count' },
})

export default defineConfig({ topics: [bidsByBidder, sessions] })
