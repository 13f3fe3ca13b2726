import { defineConfig, entity, reject, topic } from 'tidegate'
import { z } from 'zod'
import { order, stock } from '../support/shop/entities.ts'

const reading = topic('crash.reading', {
  schema: z.object({ sensor: z.string(), site: z.string(), v: z.number() }),
  key: 'sensor',
  priority: 'low',
  retention: '1d',
})
const aggregate = { sum: { sum: 'v' }, max: { max: 'v' }, count: 'count' } as const
/** So short that readings are late for it. */
const short = { outOfOrderness: '1s', allowedLateness: '2s', aggregate } as const
/** So long that nothing is late. */
const long = { outOfOrderness: '1s', allowedLateness: '10m', aggregate } as const

const tumbling = reading.window('crash.tumbling', { tumbling: '10s', ...short })
const early = reading.window('crash.early', { tumbling: '10s', emit: { every: '200ms' }, ...short })
const hopping = reading.window('crash.hopping', { hopping: { size: '20s', slide: '5s' }, ...short })
const sessions = reading.window('crash.sessions', { session: { gap: '2s' }, ...long })
const all = reading.window('crash.all', { tumbling: '10s', groupBy: null, ...long })
const perSite = reading.window('crash.site', { tumbling: '10s', groupBy: 'site', ...long })
const hot = reading.filter(({ v }) => v > 8).to('crash.hot', { version: 1 })
const alert = tumbling.filter((pane) => pane.value.max > 9).to('crash.alert', { version: 1 })

const tally = entity('tally', {
  key: 'sensor',
  version: 1,
  state: { initial: { sum: 0 } as { readonly sum: number } },
  events: { counted: z.object({ v: z.number() }) },
  evolve: { counted: ({ sum }, { v }) => ({ sum: sum + v }) },
  rejections: ['too_much'],
  commands: {
    count: {
      input: z.object({ v: z.number() }),
      decide: (_state, { v }) =>
        v > 8 ? reject('too_much', 'More than 8 at once.') : [{ type: 'counted', data: { v } }],
    },
  },
})

export default defineConfig({
  topics: [reading, tumbling, early, hopping, sessions, all, perSite, hot, alert],
  entities: [tally, order, stock],
})
