import type { Caller } from '../access/index.ts'
import type { DeliverySubscriber } from '../delivery/index.ts'
import type { Producer } from '../ingest/index.ts'
import type { Greeting } from './greeting.ts'

/** The client was greeted. */
export interface LiveState {
  readonly phase: 'live'
  readonly caller: Caller
  readonly producer: Producer | undefined
  readonly delivery: DeliverySubscriber
}

export type ConnectionState =
  | { readonly phase: 'greeting'; readonly greeting: Greeting }
  | LiveState
  | { readonly phase: 'closed' }
