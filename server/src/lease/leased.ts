import type { KnownEntry, Ledger, Log, Ownership, Refusal } from '../bus/index.ts'

/** Why a loop ended. After all but `stopped` and `done` what it held in memory is void. */
export type LoopEnd =
  | 'stopped'
  /** Nothing is left to hold. */
  | 'done'
  | 'conflict'
  | Refusal

/** What a loop knows of its holder. */
export interface Hold {
  /** Aborted when the loop should end after a last commit. */
  readonly stopping: AbortSignal
  /**
   * Makes a call until Redis answers it. The call MUST be one that may run twice.
   *
   * @throws Abandoned once the ledger is lost or given up; whatever else the call throws than BusUnavailable.
   */
  answered<T>(call: () => Promise<T>): Promise<T>
  /** Resolves after so long, or at once when the loop should end. */
  pause(ms: number): Promise<void>
}

/** What a `Holder` holds a ledger for: the work of a partition's owner, or a backfill. */
export interface Leased {
  readonly ledger: Ledger
  /** Whose lineage commits depend on. */
  readonly log: Log
  /** Whether there is anything to take the ledger for. */
  isOpen(hold: Hold): Promise<boolean>
  /**
   * Works from what is stored on until it is stopped or may no longer commit; called again after a commit that was refused by
   * anything but the token. MUST keep nothing in memory from one call to the next that was not committed.
   *
   * @throws Abandoned, BusMismatch
   */
  loop(ownership: Ownership, hold: Hold): Promise<LoopEnd>
  /**
   * Entries that must still be there for a Redis that changed its identity to hold the same data. Absent: of who has read
   * nothing that the partition's owner has not, and leaves it to the owner.
   */
  evidence?(): readonly KnownEntry[]
  /** The ledger is no longer held. Idempotent. */
  close(): void
}
