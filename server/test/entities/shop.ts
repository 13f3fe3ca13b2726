import { z } from 'zod'
import { command, entity, reject } from '../../src/config/declarations/entity.ts'
import { defineConfig } from '../../src/index.ts'

interface Order {
  readonly status: 'none' | 'placed' | 'reserved' | 'refused'
  readonly code: string
  readonly answers: number
}

/** Places orders; stock is reserved by reactions. `sku` says what becomes of that. */
export const order = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: { status: 'none', code: '', answers: 0 } as Order },
  events: {
    placed: z.object({ sku: z.string(), n: z.number(), times: z.number() }),
    reserved: z.object({ sku: z.string() }),
    refused: z.object({ sku: z.string(), code: z.string() }),
  },
  evolve: {
    placed: (state) => ({ ...state, status: 'placed' }),
    reserved: (state) => ({ ...state, status: 'reserved', answers: state.answers + 1 }),
    refused: (state, { code }) => ({ ...state, status: 'refused', code, answers: state.answers + 1 }),
  },
  rejections: ['placed_already'],
  commands: {
    place: {
      input: z.object({ sku: z.string(), n: z.number(), times: z.number().default(1) }),
      decide: ({ status }, data) =>
        status === 'none' ? [{ type: 'placed', data }] : reject('placed_already', 'It was placed.'),
    },
  },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: {
    'order.placed': ({ data: { sku, n, times } }, { key }) => {
      if (sku === 'throws') throw new Error('no reaction')
      if (sku === 'endless') for (;;);
      if (sku === 'large') return [command('stock', sku, 'reserve', { n, order: 'x'.repeat(40_000) })]
      return Array.from({ length: times }, () => command('stock', sku, 'reserve', { n, order: key }))
    },
  },
  outcome: (_state, { key, result }) =>
    result.status === 'done'
      ? [{ type: 'reserved', data: { sku: key } }]
      : [{ type: 'refused', data: { sku: key, code: result.code } }],
})

export const stock = entity('stock', {
  key: 'sku',
  version: 1,
  state: { initial: { left: 0 as number } },
  events: {
    filled: z.object({ n: z.number() }),
    reserved: z.object({ n: z.number(), order: z.string(), by: z.string() }),
  },
  evolve: {
    filled: ({ left }, { n }) => ({ left: left + n }),
    reserved: ({ left }, { n }) => ({ left: left - n }),
  },
  rejections: ['sold_out'],
  commands: {
    fill: { by: 'client', input: z.object({ n: z.number() }), decide: (_state, data) => [{ type: 'filled', data }] },
    reserve: {
      by: 'reaction',
      input: z.object({ n: z.number(), order: z.string() }),
      decide: ({ left }, data, { cause }) =>
        left < data.n
          ? reject('sold_out', 'There is not so much left.')
          : [{ type: 'reserved', data: { ...data, by: `${cause!.by} ${cause!.entity} ${cause!.key} ${cause!.type}` } }],
    },
  },
})

/** Each calls the next, without an end. */
export const ring = entity('ring', {
  key: 'ringId',
  version: 1,
  state: { initial: { calls: 0 as number, ends: [] as readonly string[] } },
  events: { called: z.object({}), ended: z.object({ code: z.string() }) },
  evolve: {
    called: (state) => ({ ...state, calls: state.calls + 1 }),
    ended: (state, { code }) => ({ ...state, ends: [...state.ends, code] }),
  },
  commands: { call: { input: z.object({}), decide: () => [{ type: 'called', data: {} }] } },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: {
    'ring.called': (_event, { key }) => [command('ring', `${(Number(key) + 1) % 5}`, 'call', {})],
  },
  outcome: (_state, { result }) => [{ type: 'ended', data: { code: result.status === 'done' ? 'done' : result.code } }],
})

export const shop = defineConfig({ topics: [], entities: [order, stock, ring] })
export const shopDefinitions = shop.contract.entities
