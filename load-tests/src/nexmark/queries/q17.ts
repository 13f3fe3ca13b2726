import { query } from '../query.ts'
import { bidsByPane, mapValues, tumblingPane } from '../recompute.ts'
import config from './q17.config.ts'

const DAY_MS = 86_400_000

export const q17 = query('q17', config, {
  description:
    'Auction statistics: bids of each auction and day, their prices and how many are in three ranges of them',
  keyField: 'auction',
  expected(bids) {
    const panes = bidsByPane(bids, ({ time, data }) => [tumblingPane(data.auction, time, DAY_MS)])
    return mapValues(panes, (ofPane) => {
      const prices = ofPane.map(({ data }) => data.price)
      const sum = prices.reduce((a, b) => a + b)
      const below = (limit: number) => prices.filter((price) => price < limit).length
      return {
        bids: prices.length,
        min: Math.min(...prices),
        max: Math.max(...prices),
        avg: sum / prices.length,
        sum,
        ranks: [below(10_000), below(1_000_000) - below(10_000), prices.length - below(1_000_000)],
      }
    })
  },
})
