import { type DeliveredEvent, parsePosition } from '@tidegate/protocol'
import { type Redis, readRange } from '../bus/index.ts'
import { QueryError } from './query-error.ts'
import { storedEvents } from './stored-events.ts'

export const MAX_HISTORY = 1_000
/** Entries asked for at a time: one may hold a single event or hundreds. */
const PAGE = 16

export interface HistoryPage {
  readonly events: readonly DeliveredEvent[]
  /** Position to pass as `after` for the next page; absent at the end of the log. */
  readonly next?: string
}

/** Events of one partition's log after a position (exclusive), or from its beginning, oldest first. */
export async function readHistory(
  redis: Redis,
  partition: number,
  topic: string,
  after: string | undefined,
  limit: number,
): Promise<HistoryPage> {
  const start = after === undefined ? undefined : parsePosition(after)
  if (after !== undefined && start?.partition !== partition) throw new QueryError('invalid_position')
  const events: DeliveredEvent[] = []
  let from = start?.streamId ?? '-'
  for (;;) {
    const entries = await readRange(redis, partition, topic, from, '+', PAGE)
    for (const entry of entries) {
      for (const event of storedEvents(partition, entry)) {
        if (entry.streamId === start?.streamId && parsePosition(event.at)!.index <= start.index) continue
        if (events.length === limit) return { events, next: events.at(-1)!.at }
        events.push(event)
      }
    }
    if (entries.length < PAGE) return { events }
    from = `(${entries.at(-1)!.streamId}`
  }
}
