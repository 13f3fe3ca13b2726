import { defineConfig, topic, windowOf } from 'tidegate'
import { z } from 'zod'

// Windows of every kind whose results a printed contract can name.

const sale = topic('shop.sale', {
  schema: z.object({
    item: z.string(),
    shop: z.enum(['north', 'south']),
    price: z.number(),
    isGift: z.boolean(),
    buyer: z.object({ id: z.string(), age: z.number() }),
  }),
  key: 'item',
})
const refund = topic('shop.refund', { schema: z.object({ item: z.string(), price: z.number() }), key: 'item' })
const perItem = sale.window('shop.per_item', {
  hopping: { size: '60s', slide: '10s' },
  allowedLateness: '0s',
  aggregate: {
    n: 'count',
    price: { quantiles: 'price', at: [0.5, 0.999] },
    spread: { stddev: 'price' },
    first: { first: 'shop' },
    gift: { last: 'isGift' },
    buyers: { distinct: 'buyer.id' },
    top: { topK: 'buyer.id', k: 3, by: 'buyer.age' },
    prices: { list: 'price' },
  },
})
const visits = sale.window('shop.visits', { session: { gap: '30s' }, aggregate: { n: 'count' } })
const perShop = sale.window('shop.per_shop', {
  tumbling: '1m',
  groupBy: 'shop',
  where: { version: 1, keep: (data) => !data.isGift },
  emit: { every: '5s' },
  aggregate: { revenue: { sum: 'price' } },
})
const busy = perItem.window('shop.busy', {
  tumbling: '10m',
  aggregate: { most: { max: 'value.n' }, median: { avg: 'value.price.p50' }, shop: { last: 'value.first' } },
})
const moved = windowOf([sale, refund], 'shop.moved', {
  tumbling: '1m',
  aggregate: { n: 'count', last: { last: 'price' } },
})

export default defineConfig({ topics: [sale, refund, perItem, visits, perShop, busy, moved] })
