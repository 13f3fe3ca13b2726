import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const event = topic('bench.event', {
  schema: z.object({ key: z.string(), text: z.string(), sentAt: z.number() }),
  key: 'key',
  priority: 'normal',
  retention: '10m',
})

export default defineConfig({ topics: [event] })
