import { z } from 'zod'
import { defineConfig, entity, reply, topic } from '../../src/index.ts'

const reading = topic('sensor.reading', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id' })
const secret = topic('secret.reading', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id' })
const sum = reading.window('sensor.sum', { tumbling: '1h', emit: { every: '1s' }, aggregate: { n: { sum: 'n' } } })
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { added: z.object({ n: z.number() }) },
  evolve: { added: (state, { n }) => ({ n: state.n + n }) },
  commands: {
    add: { input: z.object({ n: z.number() }), decide: (_, { n }) => [{ type: 'added', data: { n } }] },
    whoAmI: { input: z.object({}), decide: (_, __, { caller }) => reply(caller) },
    clear: { input: z.object({}), decide: () => [] },
  },
  indexes: { n: ({ n }) => `${n}` },
  publish: ['state'],
})
const access = { rules: [], claims: ['role', 'absent'] }
/** Of the gateway whose doors the rows of the access matrix try. */
export const { contract } = defineConfig({ topics: [reading, secret, sum], entities: [counter], access })
