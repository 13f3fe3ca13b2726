import { z } from 'zod'
import { entity, reject } from '../config/declarations/entity.ts'
import { payment } from './sources.ts'

const paid = z.object({ paymentId: z.string(), amount: z.number() })

type Order = {
  readonly status: 'none' | 'placed' | 'paid' | 'cancelled' | 'refunded'
  readonly userId: string
  readonly amount: number
  /** What the payments come to; nothing once they were refunded. */
  readonly total: number
  readonly payments: readonly z.output<typeof paid>[]
}
const NONE: Order = { status: 'none', userId: '', amount: 0, total: 0, payments: [] }

/** An order of the shop: paid by the payments that come in or by commands, at once or in parts, and never twice. */
export const order = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: NONE },
  events: {
    placed: z.object({ userId: z.string(), amount: z.number() }),
    paid,
    cancelled: z.object({ reason: z.string() }),
    refunded: z.object({ amount: z.number() }),
  },
  evolve: {
    placed: (_state, data) => ({ ...NONE, ...data, status: 'placed' }),
    paid: (state, data) => {
      const payments = [...state.payments, data]
      const total = cents(payments.reduce((sum, { amount }) => sum + amount, 0))
      return { ...state, payments, total, status: total >= state.amount ? 'paid' : 'placed' }
    },
    cancelled: (state) => ({ ...state, status: 'cancelled' }),
    refunded: (state) => ({ ...state, status: 'refunded', total: 0 }),
  },
  from: [payment],
  on: {
    // Nothing follows from payments of orders that are not kept here, or that were paid in another way.
    'commerce.payment_received': ({ status, amount: price, total, payments }, { data: { paymentId, amount } }) => {
      const isKnown = payments.some((known) => known.paymentId === paymentId)
      const isDue = status === 'placed' && !isKnown && amount > 0 && amount <= cents(price - total)
      return isDue ? [{ type: 'paid', data: { paymentId, amount } }] : []
    },
  },
  history: '24h',
  rejections: [
    'order_already_exists',
    'order_not_found',
    'order_closed',
    'already_paid',
    'nothing_paid',
    'invalid_data',
  ],
  commands: {
    place: {
      input: z.object({ userId: z.string(), amount: z.number() }),
      decide: ({ status }, data) => {
        if (status !== 'none') return reject('order_already_exists', 'This order was placed before.')
        return data.amount > 0
          ? [{ type: 'placed', data }]
          : reject('invalid_data', 'An order costs more than nothing.')
      },
    },
    pay: {
      input: paid,
      decide: ({ status, amount, payments, total }, data) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (payments.some(({ paymentId }) => paymentId === data.paymentId)) return []
        if (status === 'paid') return reject('already_paid', 'This order is paid.')
        if (status !== 'placed') return reject('order_closed', `This order is ${status}.`)
        if (data.amount <= 0 || data.amount > cents(amount - total)) {
          return reject('invalid_data', `There are ${cents(amount - total)} to pay.`)
        }
        return [{ type: 'paid', data }]
      },
    },
    cancel: {
      input: z.object({ reason: z.string() }),
      decide: ({ status, total }, data) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (status === 'paid') return reject('already_paid', 'This order is paid: refund it.')
        if (status !== 'placed') return reject('order_closed', `This order is ${status}.`)
        const refunds = total > 0 ? [{ type: 'refunded' as const, data: { amount: total } }] : []
        return [...refunds, { type: 'cancelled', data }]
      },
    },
    refund: {
      input: z.object({}),
      decide: ({ status, total }) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (total === 0) return reject('nothing_paid', 'There is nothing to refund.')
        return [{ type: 'refunded', data: { amount: total } }]
      },
    },
  },
  indexes: {
    userId: ({ userId }) => (userId === '' ? undefined : userId),
    status: ({ status }) => (status === 'none' ? undefined : status),
  },
  publish: ['state', 'events'],
})

function cents(amount: number): number {
  return Math.round(amount * 100) / 100
}
