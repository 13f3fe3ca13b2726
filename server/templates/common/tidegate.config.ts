import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

/** What publish.ts sends. */
const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number() }),
  key: 'sensorId', // decides the partition; events of one key stay in order
  retention: '24h',
})

/** Every ten seconds of event time, for each sensor. */
const perSensor = reading.window('sensor.10s', {
  tumbling: '10s',
  outOfOrderness: '2s', // how far behind the newest event one may come and still be on time
  allowedLateness: '1m', // how long after that a window is revised
  aggregate: { avg: { avg: 'temperature' }, max: { max: 'temperature' }, count: 'count' },
})

export default defineConfig({ topics: [reading, perSensor] })
