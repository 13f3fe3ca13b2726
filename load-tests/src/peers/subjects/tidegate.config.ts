import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const event = topic('bench.event', {
  schema: z.object({ key: z.string(), sentAt: z.number(), n: z.number(), text: z.string() }),
  key: 'key',
  priority: 'normal',
  retention: '10m',
})

export default defineConfig({ topics: [event] })
