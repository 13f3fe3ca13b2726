import { compareStreamIds } from '@tidegate/protocol'
import type { LogEntry, LogPage } from '../bus/index.ts'

/** Record batches of one read and log. */
export const PAGE = 64

export interface MergedPage {
  /** In the order in which they were appended, whatever their log. */
  readonly entries: readonly LogEntry[]
  /** There was no more. */
  readonly isEnd: boolean
  /** Entries behind a cursor were trimmed before they were read. */
  readonly hasGap: boolean
}

/**
 * Merges the next pages of several logs of one partition.
 *
 * @param pages one for each of `cursors`, read from behind it.
 */
export function mergePages(cursors: ReadonlyMap<string, string>, pages: ReadonlyMap<string, LogPage>): MergedPage {
  const full = [...pages.values()].filter(({ entries }) => entries.length >= PAGE)
  // Behind the end of a page, its log may continue with any id.
  const bound = full.map(({ entries }) => entries.at(-1)!.streamId).sort(compareStreamIds)[0]
  const entries = [...pages.values()]
    .flatMap((page) => page.entries)
    .filter(({ streamId }) => bound === undefined || compareStreamIds(streamId, bound) <= 0)
    .sort((a, b) => compareStreamIds(a.streamId, b.streamId))
  const hasGap = [...pages].some(([topic, { trimmedTo }]) => compareStreamIds(trimmedTo, cursors.get(topic)!) > 0)
  return { entries, isEnd: full.length === 0, hasGap }
}
