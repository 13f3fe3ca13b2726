import {
  BatchReader,
  CorruptBatch,
  type EventBody,
  encodeLetter,
  type LetterData,
  type LogEntry,
  RecordBatchBuilder,
} from '../bus/index.ts'

/** Where a letter lies in the dead letters of its topic. */
export interface LetterPlace {
  readonly partition: number
  /** Position of its record batch, and its index there. */
  readonly streamId: string
  readonly index: number
}

/** An event on which the code of a topic or an entity failed. */
export interface DeadLetter extends LetterPlace {
  /** Or entity and topic. */
  readonly topic: string
  /** `streamId.index` where it lay first: what it is known by, wherever it lies now. */
  readonly origin: string
  /** Why it is here. */
  readonly cause: string
  readonly event: EventBody
}

/** Takes note of a record batch whose letters cannot be listed. */
export type OnUnreadable = (entry: Pick<LogEntry, 'topic' | 'streamId'>, fault: CorruptBatch) => void

/** `3/1764355200000-0.2`. */
export function formatPlace({ partition, streamId, index }: LetterPlace): string {
  return `${partition}/${streamId}.${index}`
}

const PLACE = /^(\d{1,9})\/(\d{1,20}-\d{1,20})\.(\d{1,9})$/

export function parsePlace(text: string): LetterPlace | undefined {
  const [, partition, streamId, index] = PLACE.exec(text) ?? []
  if (streamId === undefined) return undefined
  return { partition: Number(partition), streamId, index: Number(index) }
}

/** The letters of one record batch, in their order. */
export function readLetters(
  topic: string,
  partition: number,
  entry: LogEntry,
  onUnreadable: OnUnreadable,
): readonly DeadLetter[] {
  const { streamId } = entry
  try {
    const batch = new BatchReader(entry)
    return batch.bodies().flatMap(({ data, ...event }, index) => {
      // Events of other partitions, where theirs was divided.
      if (batch.refused.has(index)) return []
      const { cause, data: original, origin } = data as LetterData
      const place = { partition, streamId, index }
      return [{ topic, ...place, origin: origin ?? `${streamId}.${index}`, cause, event: { ...event, data: original } }]
    })
  } catch (error) {
    if (!(error instanceof CorruptBatch)) throw error
    onUnreadable(entry, error)
    return []
  }
}

/** The letter alone, to be stored anew. */
export function batchOf({ event, cause, origin }: DeadLetter): { readonly header: string; readonly payload: Buffer } {
  const builder = new RecordBatchBuilder()
  builder.addSlice([encodeLetter(event, { cause, data: event.data, origin })])
  return builder.build()
}
