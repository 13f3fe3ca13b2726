import type { KnownEntry } from '../../bus/index.ts'

/**
 * Looks entries up that a client, or a tail, knows: if one of the present epoch is gone the log has a new epoch when it resolves.
 *
 * @returns those that are gone, of any epoch
 * @throws BusUnavailable
 */
export type Examine = (partition: number, known: readonly KnownEntry[]) => Promise<readonly KnownEntry[]>
