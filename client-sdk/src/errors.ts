import { type CommandCode, type ErrorCode, RETRYABLE } from '@tidegate/protocol'
import type { PublishReceipt } from './publish-receipt.ts'
import type { StoreErrorCode } from './store-error-codes.ts'

/** Codes that arise in the client itself, in addition to the server's. docs/errors.md says what to do about each. */
export const CLIENT_ERROR_CODES = {
  outbox_full: 'The outbox is full.',
  outbox_expired: 'It waited too long and was never sent.',
  incomplete: 'Part of the range is no longer in the log.',
  callback_failed: 'The promise of a callback was rejected.',
  no_answer: 'The query was not answered in time.',
  not_live: "The entity does not publish: ['state']. Read it with get().",
  disconnected: 'There is no connection.',
  closed: 'The client or the subscription is closed.',
  invalid_token: 'A token is a text of 1 to 8,192 visible ASCII characters.',
  no_token: 'The token function gave no token.',
  invalid_url: 'Not an http(s):// or ws(s):// address.',
  no_websocket: 'There is no WebSocket. Install "ws", or pass a class as `WebSocket`.',
} as const

export type ClientErrorCode = keyof typeof CLIENT_ERROR_CODES
export type TidegateErrorCode = ErrorCode | CommandCode | ClientErrorCode | StoreErrorCode

const RETRYABLE_HERE: ReadonlySet<string> = new Set<TidegateErrorCode>([
  'outbox_full',
  'outbox_expired',
  'store_failed',
  'no_answer',
  'deadline_exceeded',
])

interface ErrorOptions {
  readonly cause?: unknown
  readonly commandId?: string
  readonly path?: string | undefined
  readonly receipt?: PublishReceipt
}

/** Every error the SDK rejects with, but for commands that their entity rejected. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'
  readonly code: TidegateErrorCode
  /** Whether the same call may succeed later; that of a command under its id. */
  readonly retryable: boolean
  /** Of a command: as `id` of the same command it asks for its outcome. */
  readonly commandId: string | undefined
  /** Of a publish: the field that does not fit, of the first event that was refused. */
  readonly path: string | undefined
  /** Of a publish: what became of each event, as far as the server has said. */
  readonly receipt: PublishReceipt | undefined

  constructor(code: TidegateErrorCode, message: string, { commandId, path, receipt, ...options }: ErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryable = RETRYABLE.has(code as ErrorCode) || RETRYABLE_HERE.has(code)
    this.commandId = commandId
    this.path = path
    this.receipt = receipt
  }
}

/** An error of the client itself, with the registered text. */
export function clientError(code: ClientErrorCode, options: ErrorOptions = {}): TidegateError {
  return new TidegateError(code, CLIENT_ERROR_CODES[code], options)
}

/** The entity said no: the command changed nothing, and sent again it gets the same answer. */
export class CommandRejected extends Error {
  override readonly name = 'CommandRejected'
  /** One that the entity declares, `invalid_input`, or `version_conflict`. */
  readonly code: string
  readonly commandId: string
  /** With `invalid_input`: the field that does not fit. */
  readonly path: string | undefined
  /** Of the entity, where the command was run. */
  readonly version: number | undefined
  /** Of the log in which it has that version. */
  readonly epoch: string | undefined

  constructor(
    code: string,
    message: string,
    of: {
      readonly commandId: string
      readonly path?: string
      readonly version?: number
      readonly epoch?: string
    },
  ) {
    super(message)
    this.code = code
    this.commandId = of.commandId
    this.path = of.path
    this.version = of.version
    this.epoch = of.epoch
  }
}
