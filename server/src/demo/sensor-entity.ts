import { z } from 'zod'
import { entity, reject, reply } from '../config/declarations/entity.ts'
import { reading } from './sources.ts'

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
export const sensor = entity('sensor', {
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

function update({ isAlarmed }: Sensor, data: z.output<typeof measured>) {
  const isUnusual = data.temperature < USUAL.min || data.temperature > USUAL.max
  const updated = { type: 'updated' as const, data }
  if (isUnusual === isAlarmed) return [updated]
  return [updated, { type: isUnusual ? ('alarmRaised' as const) : ('alarmCleared' as const), data: {} }]
}
