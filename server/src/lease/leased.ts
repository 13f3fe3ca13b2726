import type { KnownEntry, Ledger, Log, Ownership, Refusal } from '../bus/index.ts'

/** Why a loop ended. After all but `stopped` and `done` its memory is void. */
export type LoopEnd =
  | 'stopped'
  /** Nothing is left to hold. */
  | 'done'
  | 'conflict'
  | Refusal

/** A loop's view of its holder. */
export interface Hold {
  /** Aborted when the loop should end after a last commit. */
  readonly stopping: AbortSignal
  /**
   * Makes a call until Redis answers it. The call MUST be repeatable.
   *
   * @throws Abandoned once the ledger is lost or abandoned; any other error of the call but BusUnavailable.
   */
  answered<T>(call: () => Promise<T>): Promise<T>
  /** Resolves after so long, or at once when the loop should end. */
  pause(ms: number): Promise<void>
}

/** The work for which a `Holder` holds a ledger: that of a partition's owner, or a backfill. */
export interface Leased {
  readonly ledger: Ledger
  /** The log whose lineage commits depend on. */
  readonly log: Log
  /** Whether there is any work. */
  isOpen(hold: Hold): Promise<boolean>
  /**
   * Works from the stored state until it is stopped or may no longer commit; called again after a commit that was
   * refused for another reason than the token. MUST carry no uncommitted state from one call to the next.
   *
   * @throws Abandoned, BusMismatch
   */
  loop(ownership: Ownership, hold: Hold): Promise<LoopEnd>
  /**
   * Entries that must still exist if a Redis that changed its identity is to hold the same data. Absent for work that
   * has read nothing beyond the partition's owner, and leaves it to the owner.
   */
  evidence?(): readonly KnownEntry[]
  /** The ledger is no longer held. Idempotent. */
  close(): void
}
