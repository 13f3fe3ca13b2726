import { compareStreamIds, type DeliveredEvent, type Position } from '@tidegate/protocol'
import { allowsKey, type Seen } from '../access/index.ts'
import {
  type BatchHeader,
  formatMark,
  isTrimmed,
  LOG_START,
  type LogEntry,
  type LogPage,
  type Mark,
  namesEntry,
  wholeEntry,
} from '../bus/index.ts'
import { MAX_ANSWER_BYTES } from './answer-size.ts'
import type { ReadPage } from './gap-events.ts'
import { storedEvents } from './stored-events.ts'

/** Entries of the first and of the largest read: an entry may hold a single byte or 64 KiB. */
const FIRST_ENTRIES = 4
const MOST_ENTRIES = 64
/** Entries read for one answer: in some entries every event was refused. */
const MAX_ENTRIES = 512

/** The part of a log to read. */
export interface HistoryRange extends Seen {
  readonly topic: string
  readonly partition: number
  /** Exclusive; absent: `since`. */
  readonly after: Position | undefined
  /** The id behind which the log is read; absent: its beginning. */
  readonly since: string | undefined
  /** Only events with this key. */
  readonly key: string | undefined
  /** Only events with times of `[from, to)`, ms. */
  readonly from: number
  readonly to: number
  /** Most events. */
  readonly limit: number
}

export interface HistoryPage {
  readonly events: readonly DeliveredEvent[]
  /**
   * False when something between `after`, or `from`, and the end of this page is known to be gone: trimmed, or lost under an
   * earlier epoch.
   */
  readonly complete: boolean
  /** Position to pass as `after` for the next page; absent at the end of the log. */
  readonly next?: string
}

/** Events of one partition's log, oldest first, in pages that are bounded in events and bytes. */
export async function readHistory(
  read: ReadPage,
  { partition, after, since, scope, sight, limit, ...wanted }: HistoryRange,
): Promise<HistoryPage> {
  const events: DeliveredEvent[] = []
  let complete = true
  let done: Mark | undefined = after
  let bytes = 0
  let looked = 0
  let count = FIRST_ENTRIES
  let from = after?.streamId ?? (since === undefined ? LOG_START : `(${since}`)
  const take = ({ entries, trimmedTo, epoch }: LogPage): HistoryPage | undefined => {
    if (done === undefined && since !== undefined) complete &&= compareStreamIds(trimmedTo, since) <= 0
    complete &&= done === undefined || !isTrimmed(done, trimmedTo)
    if (done !== undefined && done === after && !isAt(done, entries[0], trimmedTo)) complete = false
    for (const entry of entries) {
      const isContinued = done === undefined || entry.epoch === done.epoch
      const isAfter = after !== undefined && entry.streamId === after.streamId && entry.epoch === after.epoch
      const first = isAfter ? after.index + 1 : 0
      const isWanted = (header: BatchHeader, index: number) =>
        index >= first && allowsKey(scope, header.keys[index]!) && isAsked(wanted, header, index)
      const stored = storedEvents(partition, entry, sight, isWanted)
      complete &&= stored !== undefined
      for (const { event, bytes: size } of stored ?? []) {
        // A single larger event still has to be returned.
        const isFull = events.length === limit || (events.length > 0 && bytes + size > MAX_ANSWER_BYTES)
        if (isFull) return { events, complete, next: events.at(-1)!.at }
        complete &&= isContinued
        events.push(event)
        bytes += size
      }
      complete &&= isContinued
      done = wholeEntry(entry.epoch, entry.streamId)
    }
    if (entries.length < count) {
      return { events, complete: complete && (done === undefined || done.epoch === (epoch ?? done.epoch)) }
    }
    looked += entries.length
    if (looked >= MAX_ENTRIES) return { events, complete, next: formatMark(partition, done!) }
    from = `(${done!.streamId}`
    count = nextCount(entries, MAX_ANSWER_BYTES - bytes)
    return undefined
  }
  for (;;) {
    const page = await read(from, count, take)
    if (page !== undefined) return page
  }
}

function isAsked({ key, from, to }: Pick<HistoryRange, 'key' | 'from' | 'to'>, header: BatchHeader, index: number) {
  const time = header.times[index]!
  return (key === undefined || header.keys[index] === key) && time >= from && time < to
}

/** Whether the entry of a mark is the first one read from there on, or was trimmed. */
function isAt(mark: Mark, first: LogEntry | undefined, trimmedTo: string): boolean {
  if (!namesEntry(mark) || compareStreamIds(mark.streamId, trimmedTo) <= 0) return true
  return first?.streamId === mark.streamId
}

/** As many more as fit if they are of similar size. */
function nextCount(entries: readonly LogEntry[], roomBytes: number): number {
  const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 1)
  return Math.max(1, Math.min(MOST_ENTRIES, Math.ceil((roomBytes * entries.length) / bytes)))
}
