import type { ServerFrame } from '@tidegate/protocol'
import { type LoggedAnswer, type Outcome, readOutcome } from '../commands/index.ts'
import type { EncodedFrame } from '../delivery/index.ts'
import { jsonString } from '../json-string.ts'

/** What the sender of a command gets. What the log of answers has is not written anew. */
export function answerFrame(id: string, outcome: Outcome, logged?: LoggedAnswer): ServerFrame | EncodedFrame {
  if (logged === undefined) return { type: 'answer', id, ...readOutcome(outcome) }
  const { position, json } = logged
  if (json === undefined) return { type: 'answer', id, ...readOutcome(outcome), position }
  return `{"type":"answer","id":${jsonString(id)},${json.slice(1, -1)},"position":"${position}"}`
}
