import type { CreditMeter } from '../frames/credit.ts'
import type { FrameChecks } from '../frames/part.ts'
import { readServerFrame } from '../frames/server-frame.ts'
import { utf8Bytes } from '../utf8-bytes.ts'
import type { SocketEvent } from './machine/event.ts'
import type { SocketId } from './machine/state.ts'

/** The meaning of a text message on a socket. Its bytes count in the credit of that. */
export function frameEvent(socket: SocketId, text: string, checks: FrameChecks, credit: CreditMeter): SocketEvent {
  const from = 'socket'
  const frame = readServerFrame(text, checks)
  if (frame === undefined) return { from, socket, kind: 'garbled' }
  let events = 0
  if (frame.type === 'batch') for (const part of frame.parts) events += part.events.length
  const receipt = credit.receipt(utf8Bytes(text), events)
  switch (frame.type) {
    case 'welcome':
      return { from, socket, kind: 'welcomed', frame }
    case 'drain':
      return { from, socket, kind: 'drained', frame }
    case 'authorized':
      return { from, socket, kind: 'authorized', frame }
    default:
      return { from, socket, kind: 'received', frame, receipt }
  }
}
