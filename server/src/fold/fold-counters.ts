/** What a fold did since its last commit. */
export interface FoldCounters {
  /** Events of source topics. */
  events: number
  /** Events that came after their window was forgotten; of windows over all keys also partials that did. */
  late: number
  /** Events for which a window had no room. */
  full: number
  panes: number
  deadLetters: number
}

export const noCounts = (): FoldCounters => ({ events: 0, late: 0, full: 0, panes: 0, deadLetters: 0 })
