import { keys } from '../keys.ts'

/** Where a ledger lies: that of a partition's owner, or of the backfill of a window in it. */
export interface LedgerPlace {
  readonly partition: number
  readonly window?: string | undefined
}

/** The hash that keeps what the next commit of a ledger builds on. */
export function ledgerKey({ partition, window }: LedgerPlace): string {
  return window === undefined ? keys.meta(partition) : keys.backfill(partition, window)
}

/** A hash, list or sorted set of a ledger. What a backfill keeps lies beside the state of the live windows. */
export function ownedKey({ partition, window }: LedgerPlace, name: string): string {
  return window === undefined ? keys.owned(partition, name) : keys.backfillOwned(partition, window, name)
}
