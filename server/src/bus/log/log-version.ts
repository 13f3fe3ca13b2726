/**
 * The version of the log that something was read from. Every write of a worker names it and is refused under another
 * one: what Redis has lost must not come back from a worker's memory.
 */
export interface LogVersion {
  readonly epoch: string
  /** Identity of Redis under which the epoch was proved. */
  readonly lineage: string
}

/** Why a write was refused: another owner holds the ledger, or the log has changed since it was read. */
export type Refusal = 'fenced' | 'lineage'

/** Reads the reply of a script that checks the log version. */
export function refusalOf(reply: unknown): Refusal | undefined {
  switch ((reply as readonly unknown[])[0]) {
    case 'FENCED':
      return 'fenced'
    case 'LINEAGE':
      return 'lineage'
    default:
      return undefined
  }
}
