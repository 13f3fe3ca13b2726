import { query } from '../query.ts'
import { bidsPerBidder } from '../recompute.ts'
import config from './q12-regrouped.config.ts'

export const q12Regrouped = query('q12-regrouped', config, {
  description: 'q12 on the log by auction: every partition has bids of every bidder, and their counts are merged',
  keyField: 'auction',
  expected: bidsPerBidder,
})
