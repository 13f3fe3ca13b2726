import { z } from 'zod'
import { entity, reject } from '../config/entity.ts'

const payment = z.object({ paymentId: z.string(), amount: z.number() })

type Order = {
  readonly status: 'none' | 'placed' | 'paid' | 'cancelled' | 'refunded'
  readonly userId: string
  readonly amount: number
  /** What the payments come to; nothing once they were refunded. */
  readonly total: number
  readonly payments: readonly z.output<typeof payment>[]
}
const NONE: Order = { status: 'none', userId: '', amount: 0, total: 0, payments: [] }

/** An order of the shop: paid in one payment or in several, and never twice. */
export const order = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: NONE },
  events: {
    placed: z.object({ userId: z.string(), amount: z.number() }),
    paid: payment,
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
      input: payment,
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
