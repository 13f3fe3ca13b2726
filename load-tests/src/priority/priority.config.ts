import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const schema = z.object({ key: z.string(), sentAt: z.number(), text: z.string() })
const bulk = topic('link.bulk', { schema, key: 'key', priority: 'low', retention: '10m' })
const alarm = topic('link.alarm', { schema, key: 'key', priority: 'high', retention: '10m' })

export default defineConfig({ topics: [bulk, alarm] })
