/** Counters of a fold since its last commit. */
export interface FoldCounters {
  /** Events of source topics. */
  events: number
  /** Events after their window was forgotten; for windows over all keys also such partials. */
  late: number
  /** Events for which a window had no room. */
  full: number
  panes: number
  deadLetters: number
}

export const noCounts = (): FoldCounters => ({ events: 0, late: 0, full: 0, panes: 0, deadLetters: 0 })
