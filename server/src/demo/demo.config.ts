import { defineConfig } from '../config/define-config.ts'
import { order as orderEntity } from './order-entity.ts'
import { sensor } from './sensor-entity.ts'
import { order, payment, reading, signUp } from './sources.ts'
import { user } from './user-entity.ts'

// Retention is short throughout: at the demo's rate the logs below level off at some tens of MB, so that a demo left
// running does not fill the disk. States of entities are kept: `Desk` makes few.

const anomaly = reading
  .map((r) => ({ ...r, temperature: r.temperature * 1.8 + 32 })) // degF
  .filter((r) => r.temperature > 80 || r.temperature < 10)
  .to('sensor.anomaly', { priority: 'high', version: 1, retention: '6h' })

const statistics = {
  avg: { avg: 'temperature' },
  min: { min: 'temperature' },
  max: { max: 'temperature' },
  count: 'count',
} as const
const sensor10s = reading.window('sensor.10s', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: statistics,
  retention: '6h',
})
const sensor1m = reading.window('sensor.1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: statistics,
  retention: '24h',
})
const revenue = payment.window('commerce.revenue_1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  groupBy: null,
  aggregate: { revenue: { sum: 'amount' }, payments: 'count' },
  retention: '24h',
})
const orders = order.window('commerce.orders_1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  groupBy: null,
  aggregate: { count: 'count' },
  retention: '24h',
})
const overheated = sensor10s
  .filter((pane) => pane.value.avg > 30)
  .to('sensor.overheated', { priority: 'high', version: 1, retention: '6h' })

export default defineConfig({
  topics: [reading, signUp, order, payment, anomaly, sensor10s, sensor1m, revenue, orders, overheated],
  entities: [user, orderEntity, sensor],
})
