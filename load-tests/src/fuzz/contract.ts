import { z } from 'zod'
import { defineConfig, entity, reject, topic } from '../../../server/src/index.ts'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
})
const payment = topic('commerce.payment_received', {
  schema: z.strictObject({ paymentId: z.string(), orderId: z.string(), amount: z.number(), currency: z.string() }),
  key: 'orderId',
  priority: ({ amount }) => (amount > 1_000 ? 'high' : 'normal'),
})
const hot = reading.filter(({ temperature }) => temperature > 30).to('sensor.hot', { version: 1, priority: 'high' })
const perMinute = reading.window('sensor.1m', { tumbling: '1m', aggregate: { peak: { max: 'temperature' } } })

interface User {
  readonly email: string
  readonly notes: number
}

const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '', notes: 0 } as User },
  publish: ['state'],
  events: { emailChanged: z.object({ email: z.string() }), noted: z.object({ note: z.unknown() }) },
  evolve: {
    emailChanged: (state, { email }) => ({ ...state, email }),
    noted: (state) => ({ ...state, notes: state.notes + 1 }),
  },
  rejections: ['same_email'],
  commands: {
    changeEmail: {
      input: z.strictObject({ email: z.string(), note: z.unknown().optional() }),
      decide: (state, { email }) =>
        state.email === email ? reject('same_email', 'It is this one.') : [{ type: 'emailChanged', data: { email } }],
    },
    note: { input: z.looseObject({}), decide: (_, note) => [{ type: 'noted', data: { note } }] },
  },
  indexes: { email: ({ email }) => (email === '' ? undefined : email) },
})

/** Two sources, a flow, a window and an entity: something behind every frame. */
export const { contract } = defineConfig({ topics: [reading, payment, hot, perMinute], entities: [user] })
