import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const reading = topic('machine.reading', {
  schema: z.object({ machineId: z.string(), celsius: z.number() }),
  key: 'machineId',
  retention: '7d',
})
const hourly = reading.window('machine.1h', {
  tumbling: '1h',
  outOfOrderness: '10m',
  allowedLateness: '2h', // a clock is set back by an hour
  aggregate: { avg: { avg: 'celsius' }, min: { min: 'celsius' }, max: { max: 'celsius' }, count: 'count' },
  retention: '7d',
})

export default defineConfig({ topics: [reading, hourly] })
