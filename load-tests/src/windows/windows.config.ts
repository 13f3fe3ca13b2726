import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
  retention: '1h',
})
const perSensor = reading.window('sensor.10s', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: { avg: { avg: 'temperature' }, min: { min: 'temperature' }, max: { max: 'temperature' }, count: 'count' },
})

export default defineConfig({ topics: [reading, perSensor] })
