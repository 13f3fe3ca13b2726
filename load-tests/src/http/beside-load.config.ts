import { defineConfig } from 'tidegate'
import { event } from '../latency/latency.config.ts'

const window = event.window('bench.10s', {
  tumbling: '10s',
  outOfOrderness: '1s',
  aggregate: { count: 'count', last: { max: 'sentAt' } },
})

export default defineConfig({ topics: [event, window] })
