import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const reading = topic('chaos.reading', {
  schema: z.object({ sensorId: z.string(), n: z.number(), celsius: z.number() }),
  key: 'sensorId',
  priority: ({ n }) => (n % 10 === 0 ? 'high' : 'normal'),
  retention: '1h',
})
/** Whatever arrives here has passed through a worker: ids stay those of the readings. */
const fahrenheit = reading
  .map(({ sensorId, n, celsius }) => ({ sensorId, n, fahrenheit: celsius * 1.8 + 32 }))
  .to('chaos.fahrenheit', { priority: 'normal', version: 1 })
/** What probes publish over HTTP: of no account, because who does not know whether it was stored sends it no second time. */
const probe = topic('chaos.probe', {
  schema: z.object({ key: z.string() }),
  key: 'key',
  retention: '10m',
})

export default defineConfig({ topics: [reading, fahrenheit, probe] })
