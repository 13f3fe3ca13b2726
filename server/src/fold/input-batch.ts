import { BatchReader, CorruptBatch, type EventBody, type LogEntry, type PlacedEnd } from '../bus/index.ts'
import type { FieldReader } from './field-reader.ts'

/** The accepted events of one record batch. */
export interface InputBatch {
  readonly topic: string
  readonly streamId: string
  /** None of one that cannot be read. */
  readonly events: readonly EventBody[]
  /** Where input ends, in order. */
  readonly ends: readonly PlacedEnd[]
}

/** Takes note of an entry that is passed over. */
export type OnUnreadable = (entry: Pick<LogEntry, 'topic' | 'streamId'>, fault: CorruptBatch) => void

/** @param reader of the fields that are needed of the data; absent where all of it is */
export function decodeBatch(entry: LogEntry, onUnreadable: OnUnreadable, reader?: FieldReader): InputBatch {
  const { topic, streamId } = entry
  try {
    const batch = new BatchReader(entry)
    const events = reader?.accepted(batch) ?? batch.acceptedBodies()
    return { topic, streamId, events, ends: batch.acceptedEnds() }
  } catch (error) {
    if (!(error instanceof CorruptBatch)) throw error
    onUnreadable(entry, error)
    return { topic, streamId, events: [], ends: [] }
  }
}
