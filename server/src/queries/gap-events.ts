import { compareStreamIds, type DeliveredEvent, type Lane, type Position } from '@tidegate/protocol'
import { allowsKey, type Seen } from '../access/index.ts'
import { formatMark, isTrimmed, LOG_START, type LogEntry, type LogPage, type Mark, wholeEntry } from '../bus/index.ts'
import type { Filter } from '../filter/index.ts'
import { storedEvents } from './stored-events.ts'

/** Entries per read. */
const PAGE = 16
/** Stored bytes after which an answer ends: it is for clients that were slow. */
const MAX_BYTES = 65_536
/** Entries read for one answer: a filter may match nothing for long. */
const MAX_ENTRIES = 512

/** The events a gap withheld: matching events of one lane in `(after, upTo]`. */
export interface GapRange extends Seen {
  readonly topic: string
  readonly lane: Lane
  /** Absent: the log's beginning. */
  readonly after: Position | undefined
  readonly upTo: Position
  readonly filter: Filter | undefined
}

export interface GapPage {
  /** In log order. */
  readonly events: readonly DeliveredEvent[]
  /** Whether the log still had everything from `after` to the end of this page. */
  readonly complete: boolean
  /** The `after` of the next page; absent at the end of the range. */
  readonly next?: string
}

/**
 * Reads up to `count` entries from a stream id (inclusive, or exclusive behind `(`) on, and has them taken in a turn of the event
 * loop: several pages may come at once.
 */
export type ReadPage = <Taken>(from: string, count: number, take: (page: LogPage) => Taken) => Promise<Taken>

/**
 * The events of a range, as far as the log still has them. Its beginning may have been trimmed, which the trim mark
 * shows; its end may have been lost in a failover: then the entry of `upTo` is missing, or is of another epoch.
 */
export async function readGap(read: ReadPage, range: GapRange, limit: number): Promise<GapPage> {
  const { after, upTo } = range
  const { partition, epoch } = upTo
  const events: DeliveredEvent[] = []
  let done: Mark = after ?? wholeEntry(epoch, LOG_START)
  let complete = true
  let bytes = 0
  let looked = 0
  const take = ({ entries, trimmedTo }: LogPage): GapPage | undefined => {
    complete &&= !isTrimmed(done, trimmedTo)
    for (const entry of entries) {
      const order = compareStreamIds(entry.streamId, upTo.streamId)
      if (order > 0) return { events, complete: false }
      if (looked > 0 && entry.streamId === done.streamId) continue
      if (entry.epoch === epoch) {
        const matching = matchingEvents(range, entry)
        complete &&= matching !== undefined
        for (const event of matching ?? []) {
          if (events.length === limit) return { events, complete, next: events.at(-1)!.at }
          events.push(event)
        }
      }
      if (order === 0) return { events, complete: complete && entry.epoch === epoch }
      done = wholeEntry(epoch, entry.streamId)
      looked++
      bytes += entry.payload.length
      if (bytes >= MAX_BYTES || looked === MAX_ENTRIES) return { events, complete, next: formatMark(partition, done) }
    }
    return entries.length < PAGE ? { events, complete: false } : undefined
  }
  for (;;) {
    const page = await read(done.streamId, PAGE, take)
    if (page !== undefined) return page
  }
}

function matchingEvents(
  { lane, after, upTo, scope, sight, filter }: GapRange,
  entry: LogEntry,
): DeliveredEvent[] | undefined {
  const first = entry.streamId === after?.streamId ? after.index + 1 : 0
  const last = entry.streamId === upTo.streamId ? upTo.index : Number.POSITIVE_INFINITY
  const stored = storedEvents(
    upTo.partition,
    entry,
    sight,
    (header, index) =>
      index >= first && index <= last && header.lanes[index] === lane && allowsKey(scope, header.keys[index]!),
  )
  const events = stored?.map(({ event }) => event)
  return filter === undefined || events === undefined
    ? events
    : events.filter((event) => filter.matches({ source: undefined, ...event }))
}
