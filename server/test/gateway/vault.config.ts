import { z } from 'zod'
import { defineConfig, entity, reject } from '../../src/index.ts'

interface Vault {
  readonly owner: string
  readonly secret: string
}
const input = z.object({ owner: z.string(), secret: z.string() })

/** Keeps a secret that stands in every input, every event and the state. */
const vault = entity('vault', {
  key: 'vaultId',
  version: 1,
  state: { initial: { owner: '', secret: '' } as Vault },
  events: { opened: input },
  evolve: { opened: (_state, data) => data },
  rejections: ['full'],
  commands: {
    open: { input, decide: (_state, data) => [{ type: 'opened', data }] },
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
  view: ({ owner }) => ({ owner }),
  indexes: { owner: ({ owner }) => owner },
  publish: ['state', 'events'],
})

export default defineConfig({ topics: [], entities: [vault] })
