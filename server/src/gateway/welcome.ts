import { type ClientFrame, DEFAULTS, LIMITS, PROTOCOL_VERSION, type ServerFrame } from '@tidegate/protocol'
import type { Caller } from '../access/index.ts'
import type { Clock } from '../clock.ts'
import type { PublishControl } from '../ingest/index.ts'

/** The first frame that every client gets. */
export interface WelcomeContext {
  readonly node: string
  readonly contractHash: string
  readonly clock: Clock
  readonly publishControl: PublishControl
}

/** The answer to `hello`. @param sequence that in which its producer counts */
export function welcome(
  { node, contractHash, clock, publishControl }: WelcomeContext,
  session: string,
  caller: Caller,
  sequence: string | undefined,
): ServerFrame {
  return {
    type: 'welcome',
    protocol: PROTOCOL_VERSION,
    session,
    node,
    contract: contractHash,
    time: clock.now(),
    publish: publishControl.grant,
    limits: { frameBytes: LIMITS.frameBytes, frameEvents: LIMITS.frameEvents },
    pingMs: DEFAULTS.pingMs,
    ...(sequence !== undefined && { sequence }),
    ...expiry(caller, clock),
  }
}

/** In how many ms the client may stay no longer; nothing for one that may. */
export function expiry({ expiresAt }: Caller, clock: Clock): { readonly expiresInMs?: number } {
  return expiresAt === undefined ? {} : { expiresInMs: Math.max(0, expiresAt - clock.now()) }
}

/** Absent stays absent: a client that names no window is not expected to send credit. */
export function windowOf({ windowBytes }: Extract<ClientFrame, { type: 'hello' }>): number | undefined {
  if (windowBytes === undefined) return undefined
  return Math.min(LIMITS.maxWindowBytes, Math.max(LIMITS.minWindowBytes, windowBytes))
}
