import { defineConfig } from 'tidegate'
import { highest } from '../highest.ts'
import { bidsByAuction } from '../topics.ts'

const highestBids = bidsByAuction.window('nexmark.q7', {
  tumbling: '10s',
  outOfOrderness: '4s',
  allowedLateness: '0s',
  groupBy: null,
  aggregate: { highest },
})

export default defineConfig({ topics: [bidsByAuction, highestBids] })
