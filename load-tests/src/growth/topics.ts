import { defineConfig, topic } from 'tidegate'
import { z } from 'zod'

export const topicName = (n: number) => `bench.t${n}`
/** Of everything published, and of no results. */
export const EVERY_TOPIC = 'bench.*'

/**
 * Topics, each with a window. Of a second: the close of its panes falls into every round alike.
 */
export function growthConfig(count: number) {
  const schema = z.object({ key: z.string(), n: z.number(), bucket: z.number(), text: z.string() })
  const topics = Array.from({ length: count }, (_, n) => {
    const events = topic(topicName(n), { schema, key: 'key', priority: 'normal', retention: '1m' })
    const window = events.window(`panes.t${n}`, {
      tumbling: '1s',
      outOfOrderness: '200ms',
      allowedLateness: '1s',
      aggregate: { count: 'count', max: { max: 'n' }, avg: { avg: 'n' } },
      retention: '1m',
    })
    return [events, window] as const
  })
  return defineConfig({ topics: topics.flat() })
}
