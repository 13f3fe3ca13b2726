import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

const schema = z.object({ key: z.string(), value: z.number() })

/** What the well-behaved client publishes and reads, and hostile ones subscribe to. */
const load = topic('hostile.load', { schema, key: 'key', priority: 'normal', retention: '10m' })
const totals = load.window('hostile.totals', { tumbling: '1s', outOfOrderness: '0s', aggregate: { count: 'count' } })
/** What hostile clients publish. */
const noise = topic('hostile.noise', { schema, key: 'key', priority: 'low', retention: '1m' })

export default defineConfig({ topics: [load, totals, noise] })
