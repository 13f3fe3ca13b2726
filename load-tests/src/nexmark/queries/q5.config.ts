import { defineConfig } from 'tidegate'
import { hottest } from '../hottest.ts'
import { bidsByAuction } from '../topics.ts'

const counts = bidsByAuction.window('nexmark.q5_counts', {
  hopping: { size: '10s', slide: '2s' },
  outOfOrderness: '4s',
  allowedLateness: '0s',
  aggregate: { bids: 'count' },
})

/** A pane's time is the last ms of its window: the panes of one slide are those of the windows that end with it. */
const hotItems = counts.window('nexmark.q5', {
  tumbling: '2s',
  outOfOrderness: '0s',
  allowedLateness: '0s',
  groupBy: null,
  aggregate: { hottest },
})

export default defineConfig({ topics: [bidsByAuction, counts, hotItems] })
