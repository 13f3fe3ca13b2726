import { decodeEvents, decodeHeader, type EventBody, type LogEntry, refusedEvents } from '../bus/index.ts'

/** The events of one record batch that count. */
export interface InputBatch {
  readonly topic: string
  readonly streamId: string
  readonly events: readonly EventBody[]
}

/** The header is parsed only where slices were refused: everything else about an event is in its JSON. */
export function decodeBatch({ topic, streamId, header, payload, refused }: LogEntry): InputBatch {
  const events = decodeEvents(payload)
  if (refused === undefined) return { topic, streamId, events }
  const masked = refusedEvents(decodeHeader(header), refused)
  return { topic, streamId, events: events.filter((_, index) => !masked.has(index)) }
}
