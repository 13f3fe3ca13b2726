import { type ErrorCode, RETRYABLE } from '@tidegate/protocol'

/** Codes that arise in the client itself, in addition to the server's. */
export const CLIENT_ERROR_CODES = {
  outbox_full:
    'The outbox is full: more is published than is acknowledged. Publish again when earlier calls have resolved.',
  outbox_expired: 'There was no connection for too long; the events were never sent.',
  incomplete: 'Part of the range is no longer in the log.',
  no_answer: 'The query was not answered in time.',
  closed: 'The client or the subscription is closed. `cause` says why, when it was not the application.',
  invalid_url: 'Not an http(s):// or ws(s):// address.',
  no_websocket: 'There is no global WebSocket. On Node 20 import from "@tidegate/client/node", or pass one.',
} as const

export type ClientErrorCode = keyof typeof CLIENT_ERROR_CODES

const RETRYABLE_HERE: ReadonlySet<string> = new Set<ClientErrorCode>(['outbox_full', 'outbox_expired', 'no_answer'])

/** Every error the SDK rejects with. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'
  readonly code: ErrorCode | ClientErrorCode
  /** Whether the same call may succeed later. */
  readonly retryable: boolean

  constructor(code: ErrorCode | ClientErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
    this.retryable = RETRYABLE.has(code as ErrorCode) || RETRYABLE_HERE.has(code)
  }
}

/** An error of the client itself, with the registered text. */
export function clientError(code: ClientErrorCode, options: { cause?: unknown } = {}): TidegateError {
  return new TidegateError(code, CLIENT_ERROR_CODES[code], options)
}
