import { entity } from 'tidegate'
import { z } from 'zod'

/** As little work as an entity can have: the benchmarks are about what surrounds it. */
export const account = entity('account', {
  key: 'accountId',
  version: 1,
  state: { initial: { balance: 0 } as { readonly balance: number } },
  events: { deposited: z.object({ amount: z.number() }) },
  evolve: { deposited: ({ balance }, { amount }) => ({ balance: balance + amount }) },
  rejections: ['overdrawn'],
  commands: {
    deposit: {
      input: z.object({ amount: z.number() }),
      decide: (_state, { amount }) => [{ type: 'deposited', data: { amount } }],
    },
    /** Never returns. */
    spin: {
      input: z.object({}),
      decide: () => {
        for (;;);
      },
    },
  },
})
