import type { Caller, Credentials } from '../access/index.ts'
import type { DeliverySubscriber } from '../delivery/index.ts'
import type { Producer } from '../ingest/index.ts'
import type { ClientLimits } from '../limits/index.ts'
import type { ReceivedFrame } from './connection-limits.ts'

/**
 * A client is greeted within so many ticks. Counting them measures time in which this process has worked: what hangs is not
 * the client.
 */
export const HELLO_TICKS = 5

/** Who has connected, as far as that is known before `hello`. */
export interface ConnectedClient {
  /** Closed with the connection. */
  readonly limits: ClientLimits
  /** For people. */
  readonly address: string
  /** What the handshake showed. */
  readonly ambient: Credentials
}

/** The client was greeted. */
export interface LiveState {
  readonly phase: 'live'
  readonly caller: Caller
  readonly producer: Producer | undefined
  readonly delivery: DeliverySubscriber
}

export type ConnectionState =
  | { readonly phase: 'awaiting_hello' }
  /** Its token is being checked; what it sends meanwhile waits. */
  | { readonly phase: 'authenticating'; readonly waiting: ReceivedFrame[] }
  | LiveState
  | { readonly phase: 'closed' }
