import { z } from 'zod'
import { command, defineConfig, entity, reject } from '../../src/index.ts'

interface Vault {
  readonly owner: string
  readonly secret: string
}
const input = z.object({ owner: z.string(), secret: z.string() })

/** Keeps a secret that stands in every input, every event and the state; each opening is repeated in another vault. */
const vault = entity('vault', {
  key: 'vaultId',
  version: 1,
  state: { initial: { owner: '', secret: '' } as Vault },
  events: { opened: input, copied: z.object({}), repeated: input },
  evolve: { opened: (_state, data) => data, copied: (state) => state, repeated: (_state, data) => data },
  rejections: ['full'],
  commands: {
    open: { input, decide: (_state, data) => [{ type: 'opened', data }] },
    repeat: { by: 'reaction', input, decide: (_state, data) => [{ type: 'repeated', data }] },
    refuse: { input, decide: () => reject('full', 'No room.') },
    fail: {
      input,
      decide: () => {
        throw new Error('out of order')
      },
    },
    endless: {
      input,
      decide: () => {
        for (;;);
      },
    },
    /** Returns its input where the type of an event belongs. */
    stray: { input, decide: (_state, data) => [{ type: data, data }] as never },
  },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: { 'vault.opened': ({ data }, { key }) => [command('vault', `${key}-copy`, 'repeat', { ...data })] },
  outcome: () => [{ type: 'copied', data: {} }],
  view: ({ owner }) => ({ owner }),
  indexes: { owner: ({ owner }) => owner },
  publish: ['state', 'events'],
})

export default defineConfig({ topics: [], entities: [vault] })
