/**
 * Which log something was read from or computed of. Every write of a worker names it and is refused under another one: what Redis
 * has lost meanwhile must not come back through what somebody still had in memory.
 */
export interface LogVersion {
  readonly epoch: string
  /** Identity of Redis under which the epoch was proved. */
  readonly lineage: string
}

/** Why a write was refused: somebody else owns what it belongs to, or the log is another one than it was computed of. */
export type Refusal = 'fenced' | 'lineage'

/** Reads the reply of a script that checks what it was computed of. */
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
