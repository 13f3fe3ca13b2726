import type { DeliveredEvent, Position } from '@tidegate/protocol'
import { formatMark, LOG_START, type LogEntry, wholeEntry } from '../bus/index.ts'
import { MAX_ANSWER_BYTES } from './answer-size.ts'
import { storedEvents } from './stored-events.ts'

/** Entries asked for at first, and at most: one may hold a single byte or 64 KiB. */
const FIRST_ENTRIES = 4
const MOST_ENTRIES = 64
/** Entries looked at for one answer: of some every event may have been refused. */
const MAX_ENTRIES = 512

/** Which part of a log to read. */
export interface HistoryRange {
  readonly topic: string
  readonly partition: number
  /** Exclusive; absent: the log's beginning. */
  readonly after: Position | undefined
  /** Most events. */
  readonly limit: number
}

export interface HistoryPage {
  readonly events: readonly DeliveredEvent[]
  /** Position to pass as `after` for the next page; absent at the end of the log. */
  readonly next?: string
}

/** Reads up to `count` entries from a stream id (inclusive, or exclusive behind `(`) on, oldest first. */
export type ReadEntries = (from: string, count: number) => Promise<readonly LogEntry[]>

/** Events of one partition's log, oldest first, in pages that are bounded in events and bytes. */
export async function readHistory(read: ReadEntries, { partition, after, limit }: HistoryRange): Promise<HistoryPage> {
  const events: DeliveredEvent[] = []
  let bytes = 0
  let looked = 0
  let count = FIRST_ENTRIES
  for (let from = after?.streamId ?? LOG_START; ; ) {
    const entries = await read(from, count)
    for (const entry of entries) {
      const first = entry.streamId === after?.streamId ? after.index + 1 : 0
      for (const { event, bytes: size } of storedEvents(partition, entry, (_, index) => index >= first)) {
        // A single event that is larger has to be given all the same.
        const isFull = events.length === limit || (events.length > 0 && bytes + size > MAX_ANSWER_BYTES)
        if (isFull) return { events, next: events.at(-1)!.at }
        events.push(event)
        bytes += size
      }
    }
    if (entries.length < count) return { events }
    const last = entries.at(-1)!
    looked += entries.length
    if (looked >= MAX_ENTRIES) return { events, next: formatMark(partition, wholeEntry(last.epoch, last.streamId)) }
    from = `(${last.streamId}`
    count = nextCount(entries, MAX_ANSWER_BYTES - bytes)
  }
}

/** As many more as fit, if they are like these. */
function nextCount(entries: readonly LogEntry[], roomBytes: number): number {
  const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 1)
  return Math.max(1, Math.min(MOST_ENTRIES, Math.ceil((roomBytes * entries.length) / bytes)))
}
