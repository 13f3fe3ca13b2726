import { defineConfig, entity } from 'tidegate'
import { z } from 'zod'

export const order = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: { customer: '', total: 0 } as { readonly customer: string; readonly total: number } },
  events: { placed: z.object({ customer: z.string() }), added: z.object({ price: z.number() }) },
  evolve: {
    placed: (state, { customer }) => ({ ...state, customer }),
    added: (state, { price }) => ({ ...state, total: state.total + price }),
  },
  commands: {
    place: {
      input: z.object({ customer: z.string(), prices: z.array(z.number()) }),
      decide: (_state, { customer, prices }) => [
        { type: 'placed' as const, data: { customer } },
        ...prices.map((price) => ({ type: 'added' as const, data: { price } })),
      ],
    },
  },
  view: ({ customer, total }) => ({ customer, total }),
  indexes: { customer: ({ customer }) => (customer === '' ? undefined : customer) },
})

export default defineConfig({ topics: [], entities: [order] })
