/**
 * Windows that backfills have emitted: those that start in `[from, to)`, ms, and if `endsBy` is set, only those that
 * end by then.
 */
export interface FilledRange {
  readonly from: number
  readonly to: number
  /** Set by an unfinished backfill. */
  readonly endsBy?: number
}

/** Whether the panes of a window are stored. */
export function isFilled(filled: readonly FilledRange[], start: number, end: number): boolean {
  return filled.some(({ from, to, endsBy }) => from <= start && start < to && (endsBy === undefined || end <= endsBy))
}

/** Whether every window that starts in `[from, to)` is stored. */
export function coversAll(filled: readonly FilledRange[], from: number, to: number): boolean {
  let reached = from
  for (const range of [...filled].sort((a, b) => a.from - b.from)) {
    if (range.endsBy === undefined && range.from <= reached) reached = Math.max(reached, range.to)
  }
  return reached >= to
}

export function decodeFilled(text: string): FilledRange[] {
  return text === '' ? [] : (JSON.parse(text) as FilledRange[])
}
