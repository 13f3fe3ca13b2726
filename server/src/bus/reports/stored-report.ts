/** How many events a process has stored, by topic. */
export interface StoredReport {
  /** Length of a step, ms. */
  readonly stepMs: number
  /** End of the last whole step, ms since 1970. */
  readonly until: number
  /** When it was made, by the clock of the process, ms since 1970. Absent: of an earlier version. */
  readonly at?: number
  /** Those with the most events; their number is bounded. */
  readonly topics: Readonly<Record<string, StoredCount>>
}

export interface StoredCount {
  /** Since the start of the process. */
  readonly total: number
  /** Of each of the last whole steps, oldest first; shorter where the steps before had none. */
  readonly recent: readonly number[]
}
