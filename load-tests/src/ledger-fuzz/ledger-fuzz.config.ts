import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'
import { SLOTS, topicOf } from './topics.ts'

const schema = z.object({
  key: z.string(),
  lane: z.enum(['high', 'normal', 'low']),
  group: z.number(),
  n: z.number(),
  pad: z.string(),
})

/** Every concurrent run has topics of its own. */
const topics = Array.from({ length: SLOTS }, (_, slot) =>
  (['a', 'b'] as const).map((name) =>
    topic(topicOf(slot, name), { schema, key: 'key', priority: ({ lane }) => lane, retention: '10m' }),
  ),
)

export default defineConfig({ topics: topics.flat() })
