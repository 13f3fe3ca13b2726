import { formatPosition } from '@tidegate/protocol'
import { BatchReader, type EventBody, type LogEntry } from '../bus/index.ts'
import { type CommandOutcome, storedOutcome } from '../entities/index.ts'
import type { LoggedAnswer } from './pending-commands.ts'

/** The outcome of a command, by its id. */
export interface Answer {
  readonly id: string
  readonly outcome: CommandOutcome
  readonly logged: LoggedAnswer
}

/** The answers of a batch that are for one gateway. Of those for others only the header is looked at. */
export function ownAnswers(node: string, partition: number, entry: LogEntry): Answer[] {
  // Most batches that are for others are known by this alone.
  if (!entry.header.includes(JSON.stringify(node))) return []
  const batch = new BatchReader(entry)
  return batch.header.keys.flatMap((key, index) => {
    if (key !== node) return []
    const text = batch.jsonOf(index)
    const event = JSON.parse(text) as EventBody
    const { epoch, streamId } = entry
    const position = formatPosition({ partition, epoch, streamId, index })
    // What stands before are names and texts, in which quotes are escaped.
    const json = text.slice(text.indexOf(DATA) + DATA.length, -1)
    return [{ id: event.id, outcome: storedOutcome(event), logged: { position, json } }]
  })
}

/** Where the last field of an event begins. */
const DATA = ',"data":'
