import type { ServerFrame } from '@tidegate/protocol'
import { type LoggedAnswer, type Outcome, readOutcome } from '../commands/index.ts'
import type { EncodedFrame } from '../delivery/index.ts'
import { jsonString } from '../json-string.ts'

/** The answer to the sender of a command. One that the log of answers has is sent as it lies there. */
export function answerFrame(id: string, outcome: Outcome, logged?: LoggedAnswer): ServerFrame | EncodedFrame {
  if (logged === undefined) return { type: 'answer', id, ...readOutcome(outcome) }
  const { position, json } = logged
  if (json === undefined) return { type: 'answer', id, ...readOutcome(outcome), position }
  return `{"type":"answer","id":${jsonString(id)},${json.slice(1, -1)},"position":"${position}"}`
}
