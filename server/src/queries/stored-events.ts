import { type DeliveredEvent, formatPosition } from '@tidegate/protocol'
import { removeHidden, type Sight } from '../access/index.ts'
import { type BatchHeader, BatchReader, CorruptBatch, type LogEntry } from '../bus/index.ts'

export interface StoredEvent {
  readonly event: DeliveredEvent
  /** Of its JSON, as it is stored. */
  readonly bytes: number
}

/**
 * The accepted events of one entry for which `isWanted` is true, by the header, as far as they may be seen. The payload is
 * parsed only if there are any.
 *
 * @param sight `undefined`: all of them may be seen
 * @returns `undefined` for an entry that nobody can read
 */
export function storedEvents(
  partition: number,
  entry: LogEntry,
  sight: Sight | undefined,
  isWanted: (header: BatchHeader, index: number) => boolean,
): StoredEvent[] | undefined {
  try {
    return readEvents(partition, entry, sight, isWanted)
  } catch (error) {
    if (error instanceof CorruptBatch) return undefined
    throw error
  }
}

function readEvents(
  partition: number,
  entry: LogEntry,
  sight: Sight | undefined,
  isWanted: (header: BatchHeader, index: number) => boolean,
): StoredEvent[] {
  const batch = new BatchReader(entry)
  const { header, refused } = batch
  const wanted = header.keys.flatMap((_, index) => (!refused.has(index) && isWanted(header, index) ? [index] : []))
  if (wanted.length === 0) return []
  const { epoch, streamId } = entry
  const events = batch.bodies()
  if (sight !== undefined) for (const index of wanted) removeHidden(events[index]!.data, sight.of(header.keys[index]!))
  return wanted.map((index) => ({
    event: { at: formatPosition({ partition, epoch, streamId, index }), ...events[index]! },
    bytes: header.bytes[index]!,
  }))
}
