import { query } from '../query.ts'
import { bidsPerBidder } from '../recompute.ts'
import config from './q12.config.ts'

export const q12 = query('q12', config, {
  description: 'Bids of each bidder in every 10 s',
  keyField: 'bidder',
  expected: bidsPerBidder,
})
