import type { KnownEntry } from '../../bus/index.ts'

/**
 * Looks up entries that a client or a tail knows. If one of the present epoch is gone, the log has a new epoch when
 * this resolves.
 *
 * @returns the missing ones, of any epoch
 * @throws BusUnavailable
 */
export type Examine = (partition: number, known: readonly KnownEntry[]) => Promise<readonly KnownEntry[]>
