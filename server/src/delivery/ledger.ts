import type { LaneIndex } from './entry.ts'

/** Fate of the events that matched. At every instant `matched = delivered + gapped + queued`. */
export interface Ledger {
  matched: number
  /** Handed to the socket. */
  delivered: number
  /** Withheld and counted in a gap. */
  gapped: number
  queued: number
}

export function openLedger(): Ledger {
  return { matched: 0, delivered: 0, gapped: 0, queued: 0 }
}

/** What one lane of the whole node delivered, withheld and holds; `queuedBytes` as they would be written. */
export interface LaneTotals {
  delivered: number
  gapped: number
  queued: number
  queuedBytes: number
}

export type NodeTotals = Readonly<Record<LaneIndex, LaneTotals>>

export function openTotals(): NodeTotals {
  const lane = (): LaneTotals => ({ delivered: 0, gapped: 0, queued: 0, queuedBytes: 0 })
  return { 0: lane(), 1: lane(), 2: lane() }
}
