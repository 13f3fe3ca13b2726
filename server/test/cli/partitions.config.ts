import { z } from 'zod'
import { command, defineConfig, entity, topic } from '../../src/index.ts'

export const reading = topic('g.reading', {
  schema: z.object({ sensor: z.string(), site: z.string(), v: z.number() }),
  key: 'sensor',
  priority: ({ v }) => (v > 8 ? 'high' : 'low'),
})
/** Nothing is late. */
const common = {
  outOfOrderness: '200ms',
  allowedLateness: '1h',
  aggregate: { sum: { sum: 'v' }, max: { max: 'v' }, count: 'count' },
} as const

const tumbling = reading.window('g.tumbling', { tumbling: '1s', ...common })
const hopping = reading.window('g.hopping', { hopping: { size: '2s', slide: '1s' }, ...common })
const session = reading.window('g.session', { session: { gap: '300ms' }, ...common })
const perSource = reading.window('g.fleet', { tumbling: '1s', watermark: 'source', ...common })
const all = reading.window('g.all', { tumbling: '1s', groupBy: null, ...common })
const perSite = reading.window('g.site', { tumbling: '1s', groupBy: 'site', ...common })
const hot = reading.filter(({ v }) => v > 8).to('g.hot', { version: 1 })
const allHot = all.filter(({ value }) => value.max > 8).to('g.allhot', { version: 1 })

/** Counts what it is told to, and the hot readings of its sensor, and tells another one of each. */
const tally = entity('tally', {
  key: 'sensor',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { counted: z.object({ n: z.number() }), told: z.object({}) },
  evolve: { counted: (state, { n }) => ({ n: state.n + n }), told: (state) => state },
  commands: {
    count: { input: z.object({ n: z.number() }), decide: (_state, { n }) => [{ type: 'counted', data: { n } }] },
  },
  from: [hot],
  history: 10_000,
  on: { 'g.hot': () => [{ type: 'counted' as const, data: { n: 1 } }] },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: { 'tally.counted': ({ data }, { key }) => [command('echo', `echo-${key}`, 'count', { n: data.n })] },
  outcome: () => [{ type: 'told', data: {} }],
  indexes: { n: ({ n }) => `${n}` },
})
const echo = entity('echo', {
  key: 'name',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { counted: z.object({ n: z.number() }) },
  evolve: { counted: (state, { n }) => ({ n: state.n + n }) },
  commands: {
    count: { input: z.object({ n: z.number() }), decide: (_state, { n }) => [{ type: 'counted', data: { n } }] },
  },
})

export default defineConfig({
  topics: [reading, tumbling, hopping, session, perSource, all, perSite, hot, allHot],
  entities: [tally, echo],
})
