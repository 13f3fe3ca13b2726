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
/** So short that what is restored after an outage is late for it: each reading is in its pane or in its late topic. */
const perSensor = reading.window('chaos.per_sensor', {
  tumbling: '1s',
  outOfOrderness: '300ms',
  allowedLateness: '1s',
  retention: '12h',
  aggregate,
})
/** Over all partitions, and so long that nothing is late for it. */
const overall = reading.window('chaos.overall', {
  tumbling: '1s',
  groupBy: null,
  outOfOrderness: '300ms',
  allowedLateness: '10m',
  retention: '12h',
  aggregate,
})
/** What probes publish over HTTP: of no account, because who does not know whether it was stored sends it no second time. */
const probe = topic('chaos.probe', {
  schema: z.object({ key: z.string() }),
  key: 'key',
  retention: '10m',
})

export default defineConfig({ topics: [reading, fahrenheit, perSensor, overall, probe] })
