import { msOf, type Offsets } from '../fold/index.ts'
import type { BackfillRun } from './plan.ts'

/** Progress of a backfill of one partition. */
export interface RunProgress {
  /** Share of what existed when it began; 1 while it waits for its last windows to close. */
  readonly fraction: number
  readonly events: number
  readonly panes: number
}

/** The counters of a backfill, stored with its clocks. `events`: of source topics. */
export interface RunTotals {
  readonly events: number
  readonly panes: number
}

const noTotals: RunTotals = { events: 0, panes: 0 }

export function decodeTotals(clocks: string): RunTotals {
  return clocks === '' ? noTotals : ((JSON.parse(clocks) as { totals?: RunTotals }).totals ?? noTotals)
}

export function progressOf({ startMs, headMs }: BackfillRun, offsets: Offsets, totals: RunTotals): RunProgress {
  const reachedMs = Math.max(0, ...[...offsets.values()].map(msOf))
  const span = headMs - startMs
  const isThere = reachedMs >= headMs
  return { fraction: isThere || span <= 0 ? 1 : Math.max(0, (reachedMs - startMs) / span), ...totals }
}
