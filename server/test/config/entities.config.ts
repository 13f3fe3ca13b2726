import { defineConfig, entity, reject } from 'tidegate'
import { z } from 'zod'

const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '' as string } },
  events: {
    registered: z.object({ email: z.string(), tier: z.string().default('free') }),
    removed: z.object({ why: z.string() }),
  },
  evolve: { registered: (_state, { email }) => ({ email }), removed: () => ({ email: '' }) },
  rejections: ['user_already_exists', 'user_not_found'],
  commands: {
    register: {
      input: z.object({ email: z.string(), tier: z.string().default('free') }),
      decide: ({ email }, data) =>
        email === '' ? [{ type: 'registered', data }] : reject('user_already_exists', 'The user is there already.'),
    },
    remove: { input: z.object({ why: z.string() }), decide: (_state, data) => [{ type: 'removed', data }] },
  },
  indexes: { email: ({ email }) => (email === '' ? undefined : email) },
  publish: ['state', 'events'],
})

/** Declares only what it must. */
const door = entity('door', {
  key: 'doorId',
  version: 1,
  state: { initial: { isOpen: false as boolean } },
  events: { moved: z.object({ isOpen: z.boolean() }) },
  evolve: { moved: (_state, { isOpen }) => ({ isOpen }) },
  commands: { move: { input: z.object({ isOpen: z.boolean() }), decide: (_state, data) => [{ type: 'moved', data }] } },
})

export default defineConfig({ topics: [], entities: [user, door] })
