import { type Hits, noHits } from './disturbances.ts'
import type { Fault } from './results.ts'

export interface ScheduleReport {
  readonly seed: number
  /** Readings in the log. */
  readonly events: number
  /** Panes and withdrawals compared. */
  readonly panes: number
  /** Commands in the log, those that stand there twice included. */
  readonly commands: number
  /** Commands that followed from events of others, each of them once. */
  readonly reactions: number
  /** Readings too late for the tumbling windows. */
  readonly late: number
  readonly disturbances: readonly string[]
  readonly hits: Hits
  /** Empty when everything is as computed. */
  readonly faults: readonly Fault[]
  /** Folder with what shows how it came to them; absent without faults. */
  readonly evidence?: string
  readonly seconds: number
}

/** Of a schedule that did not come to its end, or did not begin. */
export function broken(seed: number, error: Error): ScheduleReport {
  return {
    seed,
    events: 0,
    panes: 0,
    commands: 0,
    reactions: 0,
    late: 0,
    disturbances: [],
    hits: noHits(),
    faults: [{ kind: 'wrong', what: `it broke off: ${error.stack}` }],
    seconds: 0,
  }
}
