import { type ErrorCode, RETRYABLE } from '@tidegate/protocol'

/** Codes that arise in the client itself. */
export type ClientErrorCode = 'outbox_full' | 'outbox_expired' | 'event_too_large' | 'closed' | 'disconnected'

/** Every error the SDK rejects with. `retryable`: the same call may succeed later. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'
  readonly code: ErrorCode | ClientErrorCode
  readonly retryable: boolean

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string,
    options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? RETRYABLE.has(code as ErrorCode)
  }
}
