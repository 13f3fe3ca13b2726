import { decodeHeader, type EventBody, type LogEntry } from '../bus/index.ts'
import type { CommandOutcome } from '../entities/index.ts'

/** The outcome of a command, by its id. */
export interface Answer {
  readonly id: string
  readonly outcome: CommandOutcome
}

/** The answers of a batch that are for one gateway. Of those for others only the header is looked at. */
export function ownAnswers(node: string, entry: LogEntry): Answer[] {
  // Most batches that are for others are known by this alone.
  if (!entry.header.includes(JSON.stringify(node))) return []
  const { keys, bytes } = decodeHeader(entry.header)
  const answers: Answer[] = []
  let from = 0
  for (const [index, key] of keys.entries()) {
    const end = from + bytes[index]!
    if (key === node) answers.push(answerOf(JSON.parse(entry.payload.toString('utf8', from, end)) as EventBody))
    from = end + 1
  }
  return answers
}

export function answerOf({ id, data }: EventBody): Answer {
  return { id, outcome: data as CommandOutcome }
}
