import { query } from '../query.ts'
import { paneName } from '../recompute.ts'
import config from './q5.config.ts'

const SIZE_MS = 10_000
const SLIDE_MS = 2_000

export const q5 = query('q5', config, {
  description: 'Hot items: the auctions with the most bids in the last 10 s, every 2 s',
  keyField: 'auction',
  expected(bids) {
    const counts = new Map<number, Map<string, number>>()
    for (const { time, data } of bids) {
      for (let end = Math.floor(time / SLIDE_MS + 1) * SLIDE_MS; end - SIZE_MS <= time; end += SLIDE_MS) {
        const ofWindow = counts.get(end) ?? new Map<string, number>()
        counts.set(end, ofWindow.set(data.auction, (ofWindow.get(data.auction) ?? 0) + 1))
      }
    }
    return new Map(
      [...counts].map(([end, ofWindow]) => {
        const most = Math.max(...ofWindow.values())
        const auctions = [...ofWindow.keys()].filter((auction) => ofWindow.get(auction) === most).sort()
        return [paneName('*', end - SLIDE_MS, end), { hottest: { bids: most, auctions } }]
      }),
    )
  },
})
