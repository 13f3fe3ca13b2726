import { defineConfig } from 'tidegate'
import { reading } from '../windows/shapes.ts'

/** The sensors of the demo without their entity: what that costs depends on the demo, and `bench entities` measures entities. */
const statistics = {
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: { avg: { avg: 'temperature' }, min: { min: 'temperature' }, max: { max: 'temperature' }, count: 'count' },
} as const
const anomaly = reading
  .map((r) => ({ ...r, temperature: r.temperature * 1.8 + 32 })) // degF
  .filter((r) => r.temperature > 80 || r.temperature < 10)
  .to('sensor.anomaly', { priority: 'high', version: 1 })
const per10s = reading.window('sensor.10s', { tumbling: '10s', ...statistics })
const perMinute = reading.window('sensor.1m', { tumbling: '1m', ...statistics })
const overheated = per10s
  .filter((pane) => pane.value.avg > 30)
  .to('sensor.overheated', { priority: 'high', version: 1 })

export default defineConfig({ topics: [reading, anomaly, per10s, perMinute, overheated] })
