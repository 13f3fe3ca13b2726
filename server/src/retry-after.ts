/**
 * How long clients are advised to wait before they try again, ms, one value per reason. While Redis is away its breaker
 * knows better, and its own wait is advised instead.
 */
export const RETRY_AFTER_MS = {
  /** Storage is full, or Redis cannot keep what it stores: owners trim about once a second. */
  storage: 1_000,
  /** A defect: its cause seldom passes sooner, and each attempt meets it again. */
  defect: 1_000,
  /** A query that Redis did not answer in time: repeating it sooner would only add to its load. */
  query: 1_000,
  /** A client closed for slowness: enough for its own backlog to clear. */
  slowClient: 1_000,
  /** A frame outside the publish grant: an ack or two returns in that time. */
  grant: 20,
  /** Another process is adopting the lineage of a changed Redis: that takes a few milliseconds. */
  lineage: 20,
  /** A stream of a topic that the config no longer has: soon enough to notice a corrected deployment. */
  config: 10_000,
} as const

/**
 * A wait between `minMs` and `minMs + spreadMs`: clients that were turned away together must not return together.
 *
 * @param random a number in [0, 1).
 */
export function spreadRetryMs(minMs: number, spreadMs: number, random: number): number {
  return Math.round(minMs + spreadMs * random)
}
