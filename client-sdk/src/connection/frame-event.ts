import type { CreditMeter } from '../credit.ts'
import type { FrameChecks } from '../part.ts'
import { utf8Bytes } from '../utf8-bytes.ts'
import type { FrameEvent } from './event.ts'
import { readServerFrame } from './server-frame.ts'

/** The meaning of a text message for the connection. Its bytes count in the credit of its socket. */
export function frameEvent(text: string, checks: FrameChecks, credit: CreditMeter): FrameEvent {
  const frame = readServerFrame(text, checks)
  if (frame === undefined) return { kind: 'garbled' }
  const events = frame.type === 'batch' ? frame.parts.reduce((sum, part) => sum + part.events.length, 0) : 0
  const receipt = credit.receipt(utf8Bytes(text), events)
  switch (frame.type) {
    case 'welcome':
      return { kind: 'welcomed', frame }
    case 'drain':
      return { kind: 'drained', frame }
    case 'authorized':
      return { kind: 'authorized', frame }
    default:
      return { kind: 'received', frame, receipt }
  }
}
