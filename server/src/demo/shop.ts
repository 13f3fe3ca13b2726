import type { Actor, DemoEvent } from './demo-event.ts'
import { exponential, logNormal, type Random, uniform } from './random.ts'

const SIGN_UP_EVERY_MS = 5_000
const ORDER_EVERY_MS = 850
/** One order in ten exceeds 1000: a high-priority payment every 8 s or so. Nobody buys a house. */
const AMOUNT = { median: 150, sigma: 1.5, max: 20_000 }
const PAYMENT_DELAY = { medianMs: 2_500, sigma: 0.6, maxMs: 30_000 }
const PAID_SHARE = 0.97
/** Customers who still order; the shop forgets the oldest. */
const MAX_CUSTOMERS = 500
const COUNTRIES = ['DE', 'FR', 'IT', 'NL', 'PL', 'SE'] as const

/** Sign-ups and orders of one shop, each a Poisson process; payments follow their orders. */
export function shop(run: string, random: { readonly signUps: Random; readonly orders: Random }): readonly Actor[] {
  const customers = [`u-${run}-0`]
  return [signUps(run, customers, random.signUps), orders(run, customers, random.orders)]
}

function signUps(run: string, customers: string[], random: Random): Actor {
  let count = 0
  return {
    act(atMs) {
      const userId = `u-${run}-${++count}`
      customers.push(userId)
      if (customers.length > MAX_CUSTOMERS) customers.shift()
      const event = { id: `e-${userId}`, time: Math.round(atMs), data: { userId, country: pick(random, COUNTRIES) } }
      const sent: DemoEvent[] = [{ topic: 'commerce.user_signed_up', atMs: event.time + requestMs(random), event }]
      return { nextAtMs: atMs + exponential(random, SIGN_UP_EVERY_MS), sent }
    },
  }
}

function orders(run: string, customers: readonly string[], random: Random): Actor {
  let count = 0
  return {
    act(atMs) {
      const orderId = `o-${run}-${++count}`
      const amount = cents(Math.min(AMOUNT.max, logNormal(random, AMOUNT.median, AMOUNT.sigma)))
      const order = {
        id: `e-${orderId}`,
        time: Math.round(atMs),
        data: { orderId, userId: pick(random, customers), amount },
      }
      const sent: DemoEvent[] = [{ topic: 'commerce.order_placed', atMs: order.time + requestMs(random), event: order }]
      if (random() < PAID_SHARE) sent.push(payment(run, count, order, random))
      return { nextAtMs: atMs + exponential(random, ORDER_EVERY_MS), sent }
    },
  }
}

interface Order {
  readonly time: number
  readonly data: { readonly orderId: string; readonly amount: number }
}

function payment(run: string, number: number, order: Order, random: Random): DemoEvent {
  const { orderId, amount } = order.data
  const paymentId = `p-${run}-${number}`
  const delayMs = Math.min(PAYMENT_DELAY.maxMs, 500 + logNormal(random, PAYMENT_DELAY.medianMs, PAYMENT_DELAY.sigma))
  const time = Math.round(order.time + delayMs)
  const event = { id: `e-${paymentId}`, time, data: { paymentId, orderId, amount, currency: 'EUR' } }
  return { topic: 'commerce.payment_received', atMs: time + requestMs(random), event }
}

function requestMs(random: Random): number {
  return uniform(random, 5, 60)
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)]!
}

function cents(amount: number): number {
  return Math.round(amount * 100) / 100
}
