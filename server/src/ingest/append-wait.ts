/** How long slices of a partition have waited in a stretch of time. */
export interface AppendWait {
  /** Of one that was answered or still waits, ms. */
  readonly longestMs: number
  /** Whether Redis answered a call. */
  readonly hasAnswered: boolean
}

/**
 * The longest wait of all partitions, ms. One whose Redis answers nothing is left out while others are answered: that is no overload,
 * and publishers of the others need not pause for it.
 */
export function longestWaitMs(waits: readonly AppendWait[]): number {
  const answered = waits.filter(({ hasAnswered }) => hasAnswered)
  return Math.max(0, ...(answered.length > 0 ? answered : waits).map(({ longestMs }) => longestMs))
}
