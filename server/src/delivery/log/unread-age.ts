import type { LogEntry } from '../../bus/index.ts'

/** Trims go by retention, and come somewhat later than they are decided. */
const SAFE_SHARE = 0.5

/**
 * How old what a tail has not read may have become. A read passes over trimmed entries without a word, and a process that
 * slept, or lags, may be behind what retention removes. Times are those of stream ids: the clocks of a process that slept
 * may have slept, too.
 */
export class UnreadAge {
  readonly #safeMs: number
  /** Everything up to here was read. */
  #readTo: number | undefined

  /** @param retentionMs the shortest of the logs that are read */
  constructor(retentionMs: number) {
    this.#safeMs = retentionMs * SAFE_SHARE
  }

  /** @returns whether entries before those of this answer may have been trimmed unread */
  answered(answer: readonly Pick<LogEntry, 'topic' | 'streamId'>[]): boolean {
    const ends = new Map(answer.map(({ topic, streamId }) => [topic, Number.parseInt(streamId, 10)]))
    if (ends.size === 0) return false
    const before = this.#readTo
    // There may be more of a log than one answer holds.
    this.#readTo = Math.min(...ends.values())
    return before !== undefined && Math.max(...ends.values()) - before > this.#safeMs
  }
}
