import { inOrder } from '../highest.ts'
import { query } from '../query.ts'
import { bidsByPane, mapValues, tumblingPane } from '../recompute.ts'
import config from './q7.config.ts'

export const q7 = query('q7', config, {
  description: 'Highest bid of every 10 s, over all auctions',
  keyField: 'auction',
  expected(bids) {
    const panes = bidsByPane(bids, ({ time }) => [tumblingPane('*', time, 10_000)])
    return mapValues(panes, (ofPane) => {
      const most = ofPane.reduce((max, { data }) => Math.max(max, data.price), 0)
      const highest = ofPane.filter(({ data }) => data.price === most).map(({ time, data }) => ({ ...data, time }))
      return { highest: inOrder(highest) }
    })
  },
})
