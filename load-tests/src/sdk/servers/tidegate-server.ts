/** Greets and acknowledges as a gateway does, and stores nothing. */
import { DEFAULTS, LIMITS, PROTOCOL_VERSION, type ServerFrame, SUBPROTOCOL } from '@tidegate/protocol'
import { serve } from './uws-server.ts'

let entries = 0

serve({
  subprotocol: SUBPROTOCOL,
  answer(text) {
    const frame = JSON.parse(text) as { readonly type: string; readonly seq: number }
    const answer: ServerFrame =
      frame.type === 'publish' ? { type: 'ack', seq: frame.seq, at: [`3@e/1732350000123-${entries++}.0`] } : welcome()
    return JSON.stringify(answer)
  },
  push: () => '',
})

function welcome(): ServerFrame {
  return {
    type: 'welcome',
    protocol: PROTOCOL_VERSION,
    session: 's',
    node: 'bench',
    contract: 'none',
    time: Date.now(),
    publish: { frames: DEFAULTS.publishFrames, bytes: DEFAULTS.publishBytes },
    limits: { frameBytes: LIMITS.frameBytes, frameEvents: LIMITS.frameEvents },
    pingMs: DEFAULTS.pingMs,
    sequence: '1',
  }
}
