import { defineConfig, entity, reject, reply, topic } from 'tidegate'
import { z } from 'zod'
import { order, stock } from '../support/shop/entities.ts'

export const reading = topic('chaos.reading', {
  schema: z.object({ sensorId: z.string(), n: z.number(), celsius: z.number(), pad: z.string().optional() }),
  key: 'sensorId',
  priority: ({ n }) => (n % 10 === 0 ? 'high' : 'normal'),
  retention: '12h',
})
/** Events here have passed through a worker: ids stay those of the readings. */
const fahrenheit = reading
  .map(({ sensorId, n, celsius, pad }) => ({ sensorId, n, fahrenheit: celsius * 1.8 + 32, pad }))
  .to('chaos.fahrenheit', { priority: 'normal', version: 2, retention: '12h' })
const aggregate = { count: 'count', sum: { sum: 'n' } } as const
/** So short that readings restored after an outage are late: each reading is in its pane or in its late topic. */
const perSensor = reading.window('chaos.per_sensor', {
  tumbling: '1s',
  outOfOrderness: '300ms',
  allowedLateness: '1s',
  retention: '12h',
  aggregate,
})
/** Over all partitions, and so long that nothing is late. */
const overall = reading.window('chaos.overall', {
  tumbling: '1s',
  groupBy: null,
  outOfOrderness: '300ms',
  allowedLateness: '10m',
  retention: '12h',
  aggregate,
})
/** Publishes of HTTP probes. They are not accounted: a probe without an answer is not repeated. */
export const probe = topic('chaos.probe', {
  schema: z.object({ key: z.string() }),
  key: 'key',
  retention: '10m',
})

interface Account {
  readonly balance: number
  readonly label: string
}

const TOO_LITTLE = 'There is not as much.'

/** Commands with no event, one and several, and some that are rejected. */
const account = entity('account', {
  key: 'accountId',
  version: 1,
  state: { initial: { balance: 0, label: '' } as Account },
  events: { added: z.object({ amount: z.number() }), labelled: z.object({ label: z.string() }) },
  evolve: {
    added: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    labelled: (state, { label }) => ({ ...state, label }),
  },
  rejections: ['too_little'],
  commands: {
    add: {
      input: z.object({ amounts: z.array(z.number()) }),
      decide: (_state, { amounts }) => amounts.map((amount) => ({ type: 'added' as const, data: { amount } })),
    },
    take: {
      input: z.object({ amount: z.number() }),
      decide: ({ balance }, { amount }) =>
        balance < amount ? reject('too_little', TOO_LITTLE) : [{ type: 'added', data: { amount: -amount } }],
    },
    label: { input: z.object({ label: z.string() }), decide: (_state, data) => [{ type: 'labelled', data }] },
    status: { input: z.object({}), decide: ({ balance }) => reply({ balance }) },
  },
  indexes: { label: ({ label }) => (label === '' ? undefined : label) },
})

/** All but the probes. */
export const computed = [reading, fahrenheit, perSensor, overall] as const
export const entities = [account, order, stock] as const

export default defineConfig({ topics: [...computed, probe], entities })
