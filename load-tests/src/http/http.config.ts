import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'
import { order } from '../entities/queries.config.ts'
import { fourAggregates, reading } from '../windows/shapes.ts'

const window = reading.window('sensor.10s', { tumbling: '10s', allowedLateness: '1m', ...fourAggregates })
/** One whose inputs end, again and again. */
const ended = topic('http.ended', {
  schema: z.object({ key: z.string() }),
  key: 'key',
  priority: 'low',
  retention: '10m',
})

export default defineConfig({ topics: [reading, window, ended], entities: [order] })
