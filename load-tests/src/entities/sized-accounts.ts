import { defineConfig, entity, reply } from 'tidegate'
import { z } from 'zod'

/** Small events and a small state, as `docs/entities.md` counts with. @param version of the entity */
export function accountsOf(version: number) {
  const account = entity('account', {
    key: 'accountId',
    version,
    state: { initial: { balance: 0 } as { readonly balance: number } },
    events: { deposited: z.object({ amount: z.number() }) },
    evolve: { deposited: ({ balance }, { amount }) => ({ balance: balance + amount }) },
    commands: {
      deposit: {
        input: z.object({ amount: z.number(), times: z.number() }),
        decide: (_state, { amount, times }) =>
          Array.from({ length: times }, () => ({ type: 'deposited' as const, data: { amount } })),
      },
      balance: { input: z.object({}), decide: ({ balance }) => reply({ balance }) },
    },
  })
  return defineConfig({ topics: [], entities: [account] })
}
