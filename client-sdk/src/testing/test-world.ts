import type { ClientFrame, CommandResult, ErrorCode, RejectedEvent } from '@tidegate/protocol'
import type { TestClock } from './test-clock.ts'
import type { TestLog } from './test-log.ts'
import type { Claim, TestProducers } from './test-producers.ts'
import type { Filter, SubscribeFrame, TestSubscription } from './test-subscription.ts'

type FrameOf<Type extends ClientFrame['type']> = Extract<ClientFrame, { type: Type }>

export interface Refused {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly message?: string
}

export type PublishOutcome =
  | Refused
  /** Partitions of which the client knows an epoch that is over. */
  | { readonly kind: 'epoch_changed'; readonly partitions: readonly number[] }
  | {
      readonly kind: 'stored'
      readonly at: readonly string[]
      readonly rejected: readonly RejectedEvent[]
      readonly isDuplicate: boolean
    }

export type QueryAnswer =
  | { readonly data: unknown; readonly complete?: boolean; readonly next?: string }
  | { readonly code: ErrorCode; readonly message?: string }

/** Says how long a token counts; `undefined`: it does not. */
export type Authenticate = (token: string | undefined) => { readonly expiresInMs?: number } | undefined

/**
 * What all connections of a test server share.
 *
 * @typeParam Connection who leaves
 */
export interface World<Connection = unknown> {
  readonly clock: TestClock
  readonly log: TestLog
  readonly producers: TestProducers
  /** Hash of the topics, for `welcome`. */
  readonly contract: string
  readonly maxWaiting: number
  readonly authenticate: Authenticate | undefined
  /** Whether the events of a topic are withheld. */
  readonly isHeld: (topic: string) => boolean
  left(connection: Connection): void
  /** @param epochs the client's, by partition, which follow what is stored */
  publish(frame: FrameOf<'publish'>, claim: Claim | undefined, epochs: Map<number, string>): PublishOutcome
  subscribe(frame: SubscribeFrame): Refused | { readonly kind: 'opened'; readonly subscription: TestSubscription }
  filter(frame: SubscribeFrame): Refused | { readonly kind: 'filter'; readonly filter: Filter | undefined }
  query(
    name: string,
    params: Readonly<Record<string, unknown>>,
    subscription: TestSubscription | undefined,
  ): QueryAnswer
  command(frame: FrameOf<'command'>): CommandResult & { readonly position?: string }
}
