import { defineConfig, entity, reject, reply, topic } from 'tidegate'
import { z } from 'zod'

// The contract of the built-in demo, as you would write it in your own `tidegate.config.ts`: copy it and change it.

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }), // degC, %
  key: 'sensorId',
  priority: 'low',
  retention: '1h',
})
const signUp = topic('commerce.user_signed_up', {
  schema: z.object({ userId: z.string(), country: z.string() }),
  key: 'userId',
  priority: 'low',
  retention: '6h',
})
const order = topic('commerce.order_placed', {
  schema: z.object({ orderId: z.string(), userId: z.string(), amount: z.number() }),
  key: 'orderId',
  retention: '6h',
})
const payment = topic('commerce.payment_received', {
  schema: z.object({ paymentId: z.string(), orderId: z.string(), amount: z.number(), currency: z.string() }),
  key: 'orderId',
  priority: (p) => (p.amount > 1000 ? 'high' : 'low'),
  retention: '6h',
})

const anomaly = reading
  .map((r) => ({ ...r, temperature: r.temperature * 1.8 + 32 })) // degF
  .filter((r) => r.temperature > 80 || r.temperature < 10)
  .to('sensor.anomaly', { priority: 'high', version: 1, retention: '6h' })

const statistics = {
  avg: { avg: 'temperature' },
  min: { min: 'temperature' },
  max: { max: 'temperature' },
  count: 'count',
} as const
const sensor10s = reading.window('sensor.10s', {
  tumbling: '10s',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: statistics,
  retention: '6h',
})
const sensor1m = reading.window('sensor.1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  aggregate: statistics,
  retention: '24h',
})
const revenue = payment.window('commerce.revenue_1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  groupBy: null,
  aggregate: { revenue: { sum: 'amount' }, payments: 'count' },
  retention: '24h',
})
const orders = order.window('commerce.orders_1m', {
  tumbling: '1m',
  outOfOrderness: '2s',
  allowedLateness: '1m',
  groupBy: null,
  aggregate: { count: 'count' },
  retention: '24h',
})
const overheated = sensor10s
  .filter((pane) => pane.value.avg > 30)
  .to('sensor.overheated', { priority: 'high', version: 1, retention: '6h' })

type User = { readonly status: 'none' | 'active' | 'deleted'; readonly email: string; readonly passwordHash: string }

const account = z.object({ email: z.string(), passwordHash: z.string() })
const NO_USER: User = { status: 'none', email: '', passwordHash: '' }

/** Somebody who may order. Passwords are hashed before they are sent; their hashes are stored and never leave. */
const userEntity = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: NO_USER },
  events: {
    registered: account,
    emailChanged: account.pick({ email: true }),
    passwordChanged: account.pick({ passwordHash: true }),
    deleted: z.object({}),
  },
  evolve: {
    registered: (_state, data) => ({ status: 'active', ...data }),
    emailChanged: (state, { email }) => ({ ...state, email }),
    passwordChanged: (state, { passwordHash }) => ({ ...state, passwordHash }),
    deleted: () => ({ ...NO_USER, status: 'deleted' }),
  },
  rejections: ['user_already_exists', 'user_not_found', 'invalid_data'],
  commands: {
    register: {
      input: account,
      decide: ({ status }, data) => {
        if (status === 'active') return reject('user_already_exists', 'This user is registered.')
        if (!isAddress(data.email)) return reject('invalid_data', 'This is no e-mail address.')
        if (data.passwordHash === '') return reject('invalid_data', 'There is no hash of a password.')
        return [{ type: 'registered', data }]
      },
    },
    changeEmail: {
      input: account.pick({ email: true }),
      decide: (state, data) => {
        if (state.status !== 'active') return reject('user_not_found', 'No such user.')
        if (!isAddress(data.email)) return reject('invalid_data', 'This is no e-mail address.')
        return data.email === state.email ? [] : [{ type: 'emailChanged', data }]
      },
    },
    changePassword: {
      input: account.pick({ passwordHash: true }),
      decide: ({ status }, data) => {
        if (status !== 'active') return reject('user_not_found', 'No such user.')
        if (data.passwordHash === '') return reject('invalid_data', 'There is no hash of a password.')
        return [{ type: 'passwordChanged', data }]
      },
    },
    delete: {
      input: z.object({}),
      decide: ({ status }) =>
        status === 'active' ? [{ type: 'deleted', data: {} }] : reject('user_not_found', 'No such user.'),
    },
  },
  view: ({ status, email }) => ({ status, email }),
  public: ({ data }) => ('email' in data ? { email: data.email } : undefined),
  indexes: { email: ({ email }) => (email === '' ? undefined : email) },
  publish: ['state'],
})

const paid = z.object({ paymentId: z.string(), amount: z.number() })

type Order = {
  readonly status: 'none' | 'placed' | 'paid' | 'cancelled' | 'refunded'
  readonly userId: string
  readonly amount: number
  /** What the payments come to; nothing once they were refunded. */
  readonly total: number
  readonly payments: readonly z.output<typeof paid>[]
}
const NO_ORDER: Order = { status: 'none', userId: '', amount: 0, total: 0, payments: [] }

/** An order of the shop: paid by the payments that come in or by commands, at once or in parts, and never twice. */
const orderEntity = entity('order', {
  key: 'orderId',
  version: 1,
  state: { initial: NO_ORDER },
  events: {
    placed: z.object({ userId: z.string(), amount: z.number() }),
    paid,
    cancelled: z.object({ reason: z.string() }),
    refunded: z.object({ amount: z.number() }),
  },
  evolve: {
    placed: (_state, data) => ({ ...NO_ORDER, ...data, status: 'placed' }),
    paid: (state, data) => {
      const payments = [...state.payments, data]
      const total = cents(payments.reduce((sum, { amount }) => sum + amount, 0))
      return { ...state, payments, total, status: total >= state.amount ? 'paid' : 'placed' }
    },
    cancelled: (state) => ({ ...state, status: 'cancelled' }),
    refunded: (state) => ({ ...state, status: 'refunded', total: 0 }),
  },
  from: [payment],
  on: {
    // Nothing follows from payments of orders that are not kept here, or that were paid in another way.
    'commerce.payment_received': ({ status, amount: price, total, payments }, { data: { paymentId, amount } }) => {
      const isKnown = payments.some((known) => known.paymentId === paymentId)
      const isDue = status === 'placed' && !isKnown && amount > 0 && amount <= cents(price - total)
      return isDue ? [{ type: 'paid', data: { paymentId, amount } }] : []
    },
  },
  history: '24h',
  rejections: [
    'order_already_exists',
    'order_not_found',
    'order_closed',
    'already_paid',
    'nothing_paid',
    'invalid_data',
  ],
  commands: {
    place: {
      input: z.object({ userId: z.string(), amount: z.number() }),
      decide: ({ status }, data) => {
        if (status !== 'none') return reject('order_already_exists', 'This order was placed before.')
        return data.amount > 0
          ? [{ type: 'placed', data }]
          : reject('invalid_data', 'An order costs more than nothing.')
      },
    },
    pay: {
      input: paid,
      decide: ({ status, amount, payments, total }, data) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (payments.some(({ paymentId }) => paymentId === data.paymentId)) return []
        if (status === 'paid') return reject('already_paid', 'This order is paid.')
        if (status !== 'placed') return reject('order_closed', `This order is ${status}.`)
        if (data.amount <= 0 || data.amount > cents(amount - total)) {
          return reject('invalid_data', `There are ${cents(amount - total)} to pay.`)
        }
        return [{ type: 'paid', data }]
      },
    },
    cancel: {
      input: z.object({ reason: z.string() }),
      decide: ({ status, total }, data) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (status === 'paid') return reject('already_paid', 'This order is paid: refund it.')
        if (status !== 'placed') return reject('order_closed', `This order is ${status}.`)
        const refunds = total > 0 ? [{ type: 'refunded' as const, data: { amount: total } }] : []
        return [...refunds, { type: 'cancelled', data }]
      },
    },
    refund: {
      input: z.object({}),
      decide: ({ status, total }) => {
        if (status === 'none') return reject('order_not_found', 'No such order.')
        if (total === 0) return reject('nothing_paid', 'There is nothing to refund.')
        return [{ type: 'refunded', data: { amount: total } }]
      },
    },
  },
  indexes: {
    userId: ({ userId }) => (userId === '' ? undefined : userId),
    status: ({ status }) => (status === 'none' ? undefined : status),
  },
  publish: ['state', 'events'],
})

const measured = z.object({ temperature: z.number(), humidity: z.number() })

type Sensor = {
  readonly status: 'idle' | 'updated' | 'processed'
  readonly last: z.output<typeof measured> | null
  readonly isAlarmed: boolean
  /** Raised so far. */
  readonly alarms: number
}
const IDLE: Sensor = { status: 'idle', last: null, isAlarmed: false, alarms: 0 }

/** degC: outside of these something is wrong with the room or with the sensor, and a smaller change is no news. */
const USUAL = { min: 0, max: 30, change: 1 } as const

/** The twin of a sensor: updated by its readings or by a command, processed, asked for its status. */
const sensorEntity = entity('sensor', {
  key: 'sensorId',
  version: 1,
  state: { initial: IDLE },
  events: { updated: measured, processed: z.object({}), alarmRaised: z.object({}), alarmCleared: z.object({}) },
  evolve: {
    updated: (state, last) => ({ ...state, status: 'updated', last }),
    processed: (state) => ({ ...state, status: 'processed' }),
    alarmRaised: (state) => ({ ...state, isAlarmed: true, alarms: state.alarms + 1 }),
    alarmCleared: (state) => ({ ...state, isAlarmed: false }),
  },
  from: [reading],
  on: {
    'sensor.reading': (state, { data: { temperature, humidity } }) => {
      const isNews = state.last === null || Math.abs(temperature - state.last.temperature) >= USUAL.change
      return isNews ? update(state, { temperature, humidity }) : []
    },
  },
  history: 200,
  rejections: ['nothing_to_process'],
  commands: {
    update: {
      input: measured,
      decide: (state, data) => update(state, data),
    },
    process: {
      input: z.object({}),
      decide: ({ status }) =>
        status === 'updated' ? [{ type: 'processed', data: {} }] : reject('nothing_to_process', `It is ${status}.`),
    },
    status: { input: z.object({}), decide: ({ status }) => reply({ status }) },
  },
  indexes: {
    status: ({ status }) => status,
    alarm: ({ isAlarmed }) => (isAlarmed ? 'on' : undefined),
  },
  publish: ['state'],
})

export default defineConfig({
  topics: [reading, signUp, order, payment, anomaly, sensor10s, sensor1m, revenue, orders, overheated],
  entities: [userEntity, orderEntity, sensorEntity],
})

function isAddress(email: string): boolean {
  return /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)
}

function cents(amount: number): number {
  return Math.round(amount * 100) / 100
}

function update({ isAlarmed }: Sensor, data: z.output<typeof measured>) {
  const isUnusual = data.temperature < USUAL.min || data.temperature > USUAL.max
  const updated = { type: 'updated' as const, data }
  if (isUnusual === isAlarmed) return [updated]
  return [updated, { type: isUnusual ? ('alarmRaised' as const) : ('alarmCleared' as const), data: {} }]
}
