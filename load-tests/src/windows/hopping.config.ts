import { defineConfig } from 'tidegate'
import { fourAggregates, reading } from './shapes.ts'

const window = reading.window('sensor.panes', {
  hopping: { size: '60s', slide: '1s' },
  allowedLateness: '0s',
  ...fourAggregates,
})

export default defineConfig({ topics: [reading, window] })
