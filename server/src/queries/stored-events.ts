import { type DeliveredEvent, formatPosition } from '@tidegate/protocol'
import { type BatchHeader, decodeEvents, decodeHeader, type LogEntry, refusedEvents } from '../bus/index.ts'

export interface StoredEvent {
  readonly event: DeliveredEvent
  /** Of its JSON, as it is stored. */
  readonly bytes: number
}

/** The events of one entry that were not refused, of those that `isWanted` wants by the header. The payload is parsed only if there are any. */
export function storedEvents(
  partition: number,
  entry: LogEntry,
  isWanted: (header: BatchHeader, index: number) => boolean,
): StoredEvent[] {
  const header = decodeHeader(entry.header)
  const refused = refusedEvents(header, entry.refused)
  const wanted = header.keys.flatMap((_, index) => (!refused.has(index) && isWanted(header, index) ? [index] : []))
  if (wanted.length === 0) return []
  const { epoch, streamId } = entry
  const events = decodeEvents(entry.payload)
  return wanted.map((index) => ({
    event: { at: formatPosition({ partition, epoch, streamId, index }), ...events[index]! },
    bytes: header.bytes[index]!,
  }))
}
