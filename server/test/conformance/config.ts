import { z } from 'zod'
import { defineConfig, entity, reject, reply, topic } from '../../src/index.ts'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), value: z.number() }),
  key: 'sensorId',
})
const payment = topic('commerce.payment', {
  schema: z.object({ orderId: z.string(), amount: z.number() }),
  key: 'orderId',
  priority: ({ amount }) => (amount > 1_000 ? 'high' : 'low'),
})
const hot = reading.filter(({ value }) => value > 30).to('sensor.hot', { version: 1, priority: 'high' })

const EMPTY: { readonly balance: number } = { balance: 0 }
const account = entity('account', {
  key: 'accountId',
  version: 1,
  state: { initial: EMPTY },
  events: { paid: z.object({ amount: z.number() }) },
  evolve: { paid: ({ balance }, { amount }) => ({ balance: balance + amount }) },
  rejections: ['too_little'],
  commands: {
    pay: {
      input: z.object({ amount: z.number() }),
      decide: (_, { amount }) =>
        amount > 0 ? [{ type: 'paid', data: { amount } }] : reject('too_little', 'Pay more than nothing.'),
    },
    balance: { input: z.object({}), decide: ({ balance }) => reply({ balance }) },
  },
  indexes: { balance: ({ balance }) => String(balance) },
  publish: ['state'],
})

/** What the gateway and the test server of the conformance suite both serve. */
export const config = defineConfig({ topics: [reading, payment, hot], entities: [account] })
