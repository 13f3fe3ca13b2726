import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

/** Five charts of every key: as many lines as a chart may have. */
const made = topic('load.made', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id' })
const windows = Array.from({ length: 5 }, (_, i) =>
  made.window(`load.per_1s_${i + 1}`, {
    tumbling: '1s',
    outOfOrderness: '0s',
    aggregate: { mean: { avg: 'n' }, most: { max: 'n' } },
  }),
)

export default defineConfig({ topics: [made, ...windows] })
