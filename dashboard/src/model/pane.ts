/** One result of a window: the data of its events. */
export interface Pane {
  readonly key: string
  /** `[start, end)`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Readonly<Record<string, number>>
  /** Counts the results of this window and key: a later one replaces an earlier one. */
  readonly revision: number
}

/** Tells a pane by its shape: flows may pass panes on as they are. */
export function isPane(data: unknown): data is Pane {
  if (typeof data !== 'object' || data === null) return false
  const { key, start, end, value, revision } = data as Record<string, unknown>
  return (
    typeof key === 'string' &&
    typeof start === 'number' &&
    typeof end === 'number' &&
    typeof revision === 'number' &&
    typeof value === 'object' &&
    value !== null
  )
}
