import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const event = topic('bench.event', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number(), n: z.number() }),
  key: 'sensorId',
  priority: 'normal',
  retention: '10m',
})

export default defineConfig({ topics: [event] })
