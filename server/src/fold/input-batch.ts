import { BatchReader, type EventBody, type LogEntry } from '../bus/index.ts'

/** The accepted events of one record batch. */
export interface InputBatch {
  readonly topic: string
  readonly streamId: string
  readonly events: readonly EventBody[]
}

export function decodeBatch(entry: LogEntry): InputBatch {
  return { topic: entry.topic, streamId: entry.streamId, events: new BatchReader(entry).acceptedBodies() }
}
