import { z } from 'zod'
import { defineConfig, entity, reject, topic } from '../../src/index.ts'

const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number() }),
  key: 'sensorId',
})

const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '' as string } },
  events: { emailChanged: z.object({ email: z.string() }) },
  evolve: { emailChanged: (_, { email }) => ({ email }) },
  rejections: ['user_not_found'],
  commands: {
    changeEmail: {
      input: z.object({ email: z.string().optional(), note: z.unknown().optional() }),
      decide: () => reject('user_not_found', 'no such user'),
    },
    settle: { by: 'reaction', input: z.object({}), decide: () => [] },
    broken: {
      input: z.object({}).refine(() => {
        throw new Error('a secret of the schema')
      }),
      decide: () => [],
    },
  },
  indexes: { email: (state) => state.email },
})

/** A topic and an entity. */
export const { contract: entityContract } = defineConfig({ topics: [reading], entities: [user] })
