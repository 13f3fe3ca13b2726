import { z } from 'zod'
import { defineConfig, topic } from '../../src/index.ts'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
})
const payment = topic('commerce.payment_received', {
  schema: z.object({ paymentId: z.string(), orderId: z.string(), amount: z.number(), currency: z.string() }),
  key: 'orderId',
  priority: (p) => (p.amount > 1000 ? 'high' : 'low'),
})
const hot = reading.filter((r) => r.temperature > 30).to('sensor.hot', { version: 1, priority: 'high' })

/** Two sources and a flow: enough for tests of publishing and delivery. */
export const { contract } = defineConfig({ topics: [reading, payment, hot] })

export const readingOf = (sensorId: string, temperature = 20) => ({ data: { sensorId, temperature, humidity: 40 } })
