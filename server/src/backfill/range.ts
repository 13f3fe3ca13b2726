/** Windows that backfills have put out: those that start in `[from, to)`, ms, and of these where it is said only those that end by `endsBy`. */
export interface FilledRange {
  readonly from: number
  readonly to: number
  /** Of a backfill that did not come to its end. */
  readonly endsBy?: number
}

/** Whether the panes of a window are out. */
export function isFilled(filled: readonly FilledRange[], start: number, end: number): boolean {
  return filled.some(({ from, to, endsBy }) => from <= start && start < to && (endsBy === undefined || end <= endsBy))
}

/** Whether every window that starts in `[from, to)` is out. */
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
