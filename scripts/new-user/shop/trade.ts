import { readFileSync } from 'node:fs'
import { createClient } from '@tidegate/client'
import type config from './tidegate.config.ts'

interface Payment {
  readonly time: number
  readonly paymentId: string
  readonly orderId: string
  readonly amount: number
}

await using client = createClient<typeof config>({ url: 'http://127.0.0.1:8080' })
const payments = JSON.parse(readFileSync('payments.json', 'utf8')) as Payment[]
await client.publish(
  'commerce.payment_received',
  payments.map(({ time, ...data }) => ({ time, data: { ...data, currency: 'EUR' } })),
  { last: true },
)
await client.publish(
  'commerce.order_placed',
  payments.map(({ orderId, amount }) => ({ data: { orderId, userId: 'u-1', amount } })),
)
console.log(`traded ${payments.length}`)
