import { ERROR_CODES, type ErrorCode, type LogEpoch, type RejectedEvent } from '@tidegate/protocol'

/** The one answer to a frame. */
export type PublishOutcome =
  | {
      readonly kind: 'ack'
      readonly at: readonly string[]
      readonly rejected: readonly RejectedEvent[]
      readonly duplicate: boolean
    }
  | PublishRejection

export interface PublishRejection {
  readonly kind: 'reject'
  readonly code: ErrorCode
  readonly message: string
  readonly retryAfterMs?: number
  /** With `epoch_changed`: the present epochs. */
  readonly epochs?: readonly LogEpoch[]
}

/** The one answer to an event of the server itself. @param epoch of the log that has it */
export type StoreOutcome = { readonly kind: 'stored'; readonly epoch: string } | PublishRejection

export function reject(code: ErrorCode, message: string = ERROR_CODES[code], retryAfterMs?: number): PublishRejection {
  return retryAfterMs === undefined
    ? { kind: 'reject', code, message }
    : { kind: 'reject', code, message, retryAfterMs }
}
