/**
 * Where a store writes: lines of text in order. Without a promise a call has written when it returns. All calls MUST take
 * effect in order, each wholly or not at all, and their promises settle in order.
 */
export interface RecordLog {
  /** What was written before, by an earlier run. */
  readonly lines: readonly string[]
  /** Where the lines are of which some cannot be read. */
  readonly damage?: string | undefined
  /** Adds lines at the end. @throws or rejects when nothing was written */
  append(lines: readonly string[]): void | Promise<void>
  /** Puts lines in place of everything. @throws or rejects when everything stays as it was */
  replace(lines: readonly string[]): void | Promise<void>
  /** Resolves when everything written would survive a loss of power. */
  flush(): Promise<void>
  /** Lets another run open it. Idempotent. */
  close(): void
}
