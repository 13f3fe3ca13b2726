import { defineConfig } from 'tidegate'
import { fourAggregates, reading } from './shapes.ts'

const window = reading.window('sensor.10s', { tumbling: '10s', allowedLateness: '1m', ...fourAggregates })

export default defineConfig({ topics: [reading, window] })
