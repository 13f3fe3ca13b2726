import { z } from 'zod'
import { topic } from '../config/declarations/topic.ts'

export const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }), // degC, %
  key: 'sensorId',
  priority: 'low',
  retention: '1h',
})
export const signUp = topic('commerce.user_signed_up', {
  schema: z.object({ userId: z.string(), country: z.string() }),
  key: 'userId',
  priority: 'low',
  retention: '6h',
})
export const order = topic('commerce.order_placed', {
  schema: z.object({ orderId: z.string(), userId: z.string(), amount: z.number() }),
  key: 'orderId',
  retention: '6h',
})
export const payment = topic('commerce.payment_received', {
  schema: z.object({ paymentId: z.string(), orderId: z.string(), amount: z.number(), currency: z.string() }),
  key: 'orderId',
  priority: (p) => (p.amount > 1000 ? 'high' : 'low'),
  retention: '6h',
})
