/** Prefixes of the ids that the server gives to commands: of requests, of reactions, and of the outcomes of reactions. */
export const RESERVED_IDS = { request: 'http:', reaction: 'then:', outcome: 'outcome:' } as const

/** Whether no client may choose an id for a command: the command could stand in the way of one of the server's. */
export function isReservedId(id: string): boolean {
  return Object.values(RESERVED_IDS).some((prefix) => id.startsWith(prefix))
}
