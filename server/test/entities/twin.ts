import { z } from 'zod'
import { entity, reply } from '../../src/config/declarations/entity.ts'
import { topic } from '../../src/config/declarations/topic.ts'
import { resolveContract } from '../../src/config/resolve.ts'

export const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), celsius: z.number() }),
  key: 'sensorId',
})
export const hot = reading.filter(({ celsius }) => celsius > 90).to('sensor.hot', { version: 1 })

interface Sensor {
  readonly sum: number
  readonly alarms: number
}

/** Readings of which the twin does not decide as it should, by their temperature. */
export const BAD = { throws: -300, endless: -301, undeclared: -302, tooMany: -303, none: -304, mutates: -305 }

/** A digital twin: it folds readings, and what a flow says is hot. */
export const twin = entity('twin', {
  key: 'sensorId',
  version: 1,
  state: { initial: { sum: 0, alarms: 0 } as Sensor },
  events: { measured: z.object({ celsius: z.number() }), alarmed: z.object({ id: z.string(), now: z.number() }) },
  evolve: {
    measured: (state, { celsius }) => ({ ...state, sum: state.sum + celsius }),
    alarmed: (state) => ({ ...state, alarms: state.alarms + 1 }),
  },
  from: [reading, hot],
  on: {
    'sensor.reading': (_state, { data }) => {
      const { celsius } = data
      const measured = { type: 'measured' as const, data: { celsius } }
      if (celsius === BAD.throws) throw new Error('broken')
      if (celsius === BAD.endless) for (;;);
      if (celsius === BAD.undeclared) return [{ type: 'gone', data: {} }] as never
      if (celsius === BAD.tooMany) return Array.from({ length: 65 }, () => measured)
      if (celsius === BAD.none) return undefined as never
      if (celsius === BAD.mutates) (data as { celsius: number }).celsius = 0
      return [measured]
    },
    'sensor.hot': (_state, _event, { id, now }) => [{ type: 'alarmed', data: { id: id(), now } }],
  },
  history: 4,
  commands: {
    reset: { input: z.object({}), decide: ({ sum }) => [{ type: 'measured', data: { celsius: -sum } }] },
    status: { input: z.object({}), decide: (state) => reply(state) },
  },
})

export const { entities: twins } = resolveContract([reading['~declaration'], hot['~declaration']], [twin['~entity']])
export const twinDefinition = twins.get('twin')!
