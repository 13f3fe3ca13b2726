import { BatchReader, type EventBody, type LogEntry } from '../bus/index.ts'
import { loggedOutcome, type Outcome } from './outcome.ts'
import type { LoggedAnswer } from './pending-commands.ts'

/** The outcome of a command, by its id. */
export interface Answer {
  readonly id: string
  readonly outcome: Outcome
  readonly logged: LoggedAnswer
}

/** The answers of a batch that are for one gateway. Of those for others only the header is looked at. */
export function ownAnswers(node: string, partition: number, entry: LogEntry): Answer[] {
  // Most batches that are for others are known by this alone.
  if (!entry.header.includes(JSON.stringify(node))) return []
  const batch = new BatchReader(entry)
  const log = `${partition}@${entry.epoch}/${entry.streamId}`
  const answers: Answer[] = []
  for (const [index, key] of batch.header.keys.entries()) {
    if (key !== node) continue
    const text = batch.jsonOf(index)
    // What stands before are names and texts, in which quotes are escaped.
    const json = text.slice(text.indexOf(DATA) + DATA.length, -1)
    answers.push({ id: idOf(text), outcome: loggedOutcome(json), logged: { position: `${log}.${index}`, json } })
  }
  return answers
}

/** What is kept of each besides its text. */
const RECORD_BYTES = 512
/** Of a character: two where its text is not of Latin-1. */
const CHAR_BYTES = 2

/** Memory that some answers take, at most. */
export function answerBytes(answers: readonly Answer[]): number {
  return answers.reduce((sum, { logged }) => sum + RECORD_BYTES + CHAR_BYTES * (logged.json?.length ?? 0), 0)
}

/** Where the last field of an event begins. */
const DATA = ',"data":'
/** The first field of an event, where nothing in it is escaped. */
const PLAIN_ID = /^\{"id":"([^"\\]*)"/

function idOf(text: string): string {
  return PLAIN_ID.exec(text)?.[1] ?? (JSON.parse(text) as EventBody).id
}
