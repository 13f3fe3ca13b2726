import { LANES } from '@tidegate/protocol'
import { command, defineConfig, entity, topic } from 'tidegate'
import { z } from 'zod'

export const NOTE = 'losses.note'
/** What a worker makes of each note, under its id. */
export const COPY = 'losses.copy'
/** Topics with a latest event of each key, which begin with a snapshot. */
export const LATEST = ['losses.counts', 'counter.state', 'total.state'] as const
export const TOTAL_KEY = 'all'

const note = topic(NOTE, {
  schema: z.object({ key: z.string(), n: z.number() }),
  key: 'key',
  priority: ({ n }) => LANES[n % LANES.length]!,
  retention: '10m',
  presence: true,
})
const copy = note.map((data) => data).to(COPY, { priority: 'normal', version: 1, retention: '10m' })
const counts = note.window('losses.counts', {
  tumbling: '500ms',
  outOfOrderness: '100ms',
  allowedLateness: '1h',
  retention: '10m',
  aggregate: { count: 'count' },
})

/** `carried`: how many of its additions the total has answered. */
const initial: { readonly sum: number; readonly carried: number } = { sum: 0, carried: 0 }
const amount = z.object({ amount: z.number() })

/** Each addition follows as a reaction in `total`. */
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial },
  events: { added: amount, carried: z.object({}) },
  evolve: {
    added: (state, { amount }) => ({ ...state, sum: state.sum + amount }),
    carried: (state) => ({ ...state, carried: state.carried + 1 }),
  },
  commands: { add: { input: amount, decide: (_state, data) => [{ type: 'added', data }] } },
  publish: ['state'],
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: { 'counter.added': ({ data: { amount } }) => [command('total', TOTAL_KEY, 'take', { amount })] },
  outcome: () => [{ type: 'carried', data: {} }],
})
const total = entity('total', {
  key: 'id',
  version: 1,
  state: { initial: { sum: 0 } as { readonly sum: number } },
  events: { taken: amount },
  evolve: { taken: ({ sum }, { amount }) => ({ sum: sum + amount }) },
  commands: { take: { by: 'reaction', input: amount, decide: (_state, data) => [{ type: 'taken', data }] } },
  publish: ['state'],
})

export default defineConfig({ topics: [note, copy, counts], entities: [counter, total] })
