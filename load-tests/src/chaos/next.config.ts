import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'
import { computed, entities, reading } from './chaos.config.ts'

/** With an optional field more. */
const probe = topic('chaos.probe', {
  schema: z.object({ key: z.string(), note: z.string().optional() }),
  key: 'key',
  retention: '10m',
})
const aggregate = { count: 'count', sum: { sum: 'n' } } as const
/** Windows over what is under way, by key and over all partitions: from where they begin on they hold everything. */
const later = reading.window('chaos.later', {
  tumbling: '1s',
  outOfOrderness: '300ms',
  allowedLateness: '1s',
  retention: '12h',
  aggregate,
})
const laterOverall = reading.window('chaos.later_overall', {
  tumbling: '1s',
  groupBy: null,
  outOfOrderness: '300ms',
  allowedLateness: '10m',
  retention: '12h',
  aggregate,
})
const doubled = probe.map(({ key }) => ({ key: `${key}${key}` })).to('chaos.doubled', { version: 1 })

/** What the deployment's config grows to, in a rollout. */
export default defineConfig({ topics: [...computed, probe, later, laterOverall, doubled], entities })
