import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

export const READING = 'sensor.reading'

const reading = topic(READING, { schema: z.object({ sensorId: z.string(), number: z.number() }), key: 'sensorId' })

export default defineConfig({ topics: [reading] })
