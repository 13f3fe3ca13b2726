import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const reading = topic('chaos.reading', {
  schema: z.object({ sensorId: z.string(), n: z.number(), celsius: z.number(), pad: z.string().optional() }),
  key: 'sensorId',
  priority: ({ n }) => (n % 10 === 0 ? 'high' : 'normal'),
  retention: '12h',
})
/** Whatever arrives here has passed through a worker: ids stay those of the readings. */
const fahrenheit = reading
  .map(({ sensorId, n, celsius, pad }) => ({ sensorId, n, fahrenheit: celsius * 1.8 + 32, pad }))
  .to('chaos.fahrenheit', { priority: 'normal', version: 2, retention: '12h' })
const aggregate = { count: 'count', sum: { sum: 'n' } } as const
/** So short that readings restored after an outage are late: each reading is in its pane or in its late topic. */
const perSensor = reading.window('chaos.per_sensor', {
  tumbling: '1s',
  outOfOrderness: '300ms',
  allowedLateness: '1s',
  retention: '12h',
  aggregate,
})
/** Over all partitions, and so long that nothing is late. */
const overall = reading.window('chaos.overall', {
  tumbling: '1s',
  groupBy: null,
  outOfOrderness: '300ms',
  allowedLateness: '10m',
  retention: '12h',
  aggregate,
})
/** Publishes of HTTP probes. They are not accounted: a probe without an answer is not repeated. */
const probe = topic('chaos.probe', {
  schema: z.object({ key: z.string() }),
  key: 'key',
  retention: '10m',
})

export default defineConfig({ topics: [reading, fahrenheit, perSensor, overall, probe] })
