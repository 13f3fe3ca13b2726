import type { ChainableCommander } from 'ioredis'

/**
 * Sends commands that leave together. ioredis hands their errors over as answers, and of a transaction that was refused says no
 * more than that: why is what the first of its commands was refused for.
 *
 * @throws the first error
 */
export async function answersOf(commands: ChainableCommander): Promise<unknown[]> {
  const replies = await commands.exec().catch((error: { readonly previousErrors?: readonly Error[] }) => {
    throw error.previousErrors?.[0] ?? error
  })
  return replies!.map(([error, answer]) => {
    if (error !== null) throw error
    return answer
  })
}
