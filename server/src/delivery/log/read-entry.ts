import { CorruptBatch, type LogEntry } from '../../bus/index.ts'
import { Entry } from '../wire/index.ts'

/** Called for a record batch that cannot be read, now or later. */
export type OnCorrupt = (raw: LogEntry, partition: number, error: CorruptBatch) => void

/** An entry of a log; `undefined` for one that cannot be read: to its readers it is as gone as a trimmed one. */
export function readEntry(partition: number, raw: LogEntry, onCorrupt: OnCorrupt): Entry | undefined {
  try {
    return new Entry(partition, raw)
  } catch (error) {
    if (!(error instanceof CorruptBatch)) throw error
    onCorrupt(raw, partition, error)
    return undefined
  }
}
