import type { Lane, Position } from '@tidegate/protocol'
import { BatchReader, type EventBody, type LogEntry } from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { logOf } from '../../../server/test/support/bus.ts'

/** One event as it lies in the log. */
export interface StoredEvent {
  readonly at: Position
  readonly lane: Lane
  readonly body: EventBody
}

const PAGE_ENTRIES = 1_000

/** Everything the log of a topic holds in one partition, in its order, without what was refused. */
export async function readStoredEvents(redis: Redis, partition: number, topic: string): Promise<StoredEvent[]> {
  const stored: StoredEvent[] = []
  await eachStoredEvent(redis, partition, topic, (event) => stored.push(event))
  return stored
}

/** The same, one by one: of a log that is not to be held as a whole. */
export async function eachStoredEvent(
  redis: Redis,
  partition: number,
  topic: string,
  take: (event: StoredEvent) => void,
): Promise<void> {
  for (let from = '-'; ; ) {
    const page = await logOf(redis, partition).range(topic, from, '+', PAGE_ENTRIES)
    for (const entry of page) for (const event of eventsOf(entry, partition)) take(event)
    if (page.length < PAGE_ENTRIES) return
    from = `(${page.at(-1)!.streamId}`
  }
}

function eventsOf(entry: LogEntry, partition: number): StoredEvent[] {
  const { epoch, streamId } = entry
  const batch = new BatchReader(entry)
  const { header, refused } = batch
  return batch
    .bodies()
    .flatMap((body, index) =>
      refused.has(index) ? [] : [{ at: { partition, epoch, streamId, index }, lane: header.lanes[index]!, body }],
    )
}
