import { type DeliveredEvent, formatPosition } from '@tidegate/protocol'
import { type BatchHeader, BatchReader, type LogEntry } from '../bus/index.ts'

export interface StoredEvent {
  readonly event: DeliveredEvent
  /** Of its JSON, as it is stored. */
  readonly bytes: number
}

/**
 * The accepted events of one entry for which `isWanted` is true, by the header. The payload is parsed only if there are
 * any.
 */
export function storedEvents(
  partition: number,
  entry: LogEntry,
  isWanted: (header: BatchHeader, index: number) => boolean,
): StoredEvent[] {
  const batch = new BatchReader(entry)
  const { header, refused } = batch
  const wanted = header.keys.flatMap((_, index) => (!refused.has(index) && isWanted(header, index) ? [index] : []))
  if (wanted.length === 0) return []
  const { epoch, streamId } = entry
  const events = batch.bodies()
  return wanted.map((index) => ({
    event: { at: formatPosition({ partition, epoch, streamId, index }), ...events[index]! },
    bytes: header.bytes[index]!,
  }))
}
