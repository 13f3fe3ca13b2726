/** Steps take about half of the time at most: what else the process does has the rest. */
const MIN_GAP_MS = 5
/** How often a partition asks whether it is its turn, while another one of the process takes a step. */
const ASK_MS = 20

/** Paces the walks over entities, of all partitions of a process: one takes a step at a time, with a gap behind it. */
export class WalkPace {
  /** By the monotonic clock; infinite during a step. */
  #dueAt = Number.NEGATIVE_INFINITY

  /** Until a step may be taken, or until it is worth asking again. */
  get waitMs(): number {
    return Math.min(ASK_MS, Math.max(0, this.#dueAt - performance.now()))
  }

  async run(step: () => Promise<void>): Promise<void> {
    const startedAt = performance.now()
    this.#dueAt = Number.POSITIVE_INFINITY
    try {
      await step()
    } finally {
      const endedAt = performance.now()
      this.#dueAt = endedAt + Math.max(MIN_GAP_MS, endedAt - startedAt)
    }
  }
}
