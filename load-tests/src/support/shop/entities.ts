import { command, entity, reject } from 'tidegate'
import { z } from 'zod'

export const SKUS = 8
/** So little that some are refused. */
export const IN_STOCK = 25

/** Each part of an order is reserved by a reaction, in whatever partition the stock has. */
export const order = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: { answers: 0 } as { readonly answers: number } },
  events: {
    placed: z.object({ sku: z.string(), parts: z.number() }),
    confirmed: z.object({}),
    refused: z.object({ code: z.string() }),
  },
  evolve: {
    placed: (state) => state,
    confirmed: ({ answers }) => ({ answers: answers + 1 }),
    refused: ({ answers }) => ({ answers: answers + 1 }),
  },
  rejections: ['placed_already'],
  commands: {
    place: {
      input: z.object({ sku: z.string(), parts: z.number() }),
      decide: (_state, data, { version }) =>
        version > 0 ? reject('placed_already', 'It was placed.') : [{ type: 'placed', data }],
    },
  },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: {
    'order.placed': ({ data: { sku, parts } }, { key }) =>
      Array.from({ length: parts }, (_, part) => command('stock', sku, 'reserve', { order: key, part })),
  },
  outcome: (_state, { result }) => [
    result.status === 'done' ? { type: 'confirmed', data: {} } : { type: 'refused', data: { code: result.code } },
  ],
})

export const stock = entity('stock', {
  key: 'sku',
  version: 1,
  state: { initial: { left: IN_STOCK } as { readonly left: number } },
  events: { reserved: z.object({ order: z.string(), part: z.number() }) },
  evolve: { reserved: ({ left }) => ({ left: left - 1 }) },
  rejections: ['sold_out'],
  commands: {
    reserve: {
      by: 'reaction',
      input: z.object({ order: z.string(), part: z.number() }),
      decide: ({ left }, data) => (left > 0 ? [{ type: 'reserved', data }] : reject('sold_out', 'Nothing is left.')),
    },
  },
})
