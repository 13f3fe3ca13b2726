import { z } from 'zod'
import { entity, reject } from '../config/declarations/entity.ts'

type User = { readonly status: 'none' | 'active' | 'deleted'; readonly email: string; readonly passwordHash: string }

const account = z.object({ email: z.string(), passwordHash: z.string() })
const NONE: User = { status: 'none', email: '', passwordHash: '' }

/** Somebody who may order. Passwords are hashed before they are sent; their hashes are stored and never leave. */
export const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: NONE },
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
    deleted: () => ({ ...NONE, status: 'deleted' }),
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

function isAddress(email: string): boolean {
  return /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)
}
