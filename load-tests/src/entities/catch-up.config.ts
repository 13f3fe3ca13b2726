import { defineConfig } from 'tidegate'
import { fourAggregates, reading } from '../windows/shapes.ts'
import { account } from './account.ts'

const window = reading.window('sensor.10s', { tumbling: '10s', allowedLateness: '1m', ...fourAggregates })

export default defineConfig({ topics: [reading, window], entities: [account] })
