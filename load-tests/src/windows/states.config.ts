import { defineConfig } from 'tidegate'
import { fourAggregates, reading } from './shapes.ts'

const window = reading.window('sensor.states', { tumbling: '1d', allowedLateness: '1h', ...fourAggregates })

export default defineConfig({ topics: [reading, window] })
