import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
  retention: '1h',
})
const hot = reading
  .map((r) => ({ ...r, fahrenheit: r.temperature * 1.8 + 32 }))
  .filter((r) => r.fahrenheit > 80)
  .to('sensor.hot', { priority: 'high', version: 1 })
const aggregate = {
  avg: { avg: 'temperature' },
  min: { min: 'temperature' },
  max: { max: 'temperature' },
  count: 'count',
} as const
const perSensor = reading.window('sensor.10s', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1h',
  aggregate,
})
const overall = reading.window('sensor.all_10s', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1h',
  groupBy: null,
  aggregate,
})

export default defineConfig({ topics: [reading, hot, perSensor, overall] })
