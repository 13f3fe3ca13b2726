import { type CommandCode, type ErrorCode, RETRYABLE } from '@tidegate/protocol'
import { CLIENT_ERRORS, type ClientErrorCode, type StoreErrorCode } from './error-codes.ts'
import type { PublishReceipt } from './publish-receipt.ts'

export type { ClientErrorCode } from './error-codes.ts'
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
  readonly commandId?: string | undefined
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

/** An error of the client itself, with the text that a table has for its code. */
export function errorOf<Code extends ClientErrorCode>(
  texts: Readonly<Record<Code, string>>,
  code: Code,
  options?: ErrorOptions,
): TidegateError {
  return new TidegateError(code, texts[code], options)
}

/** One that every client may have. @param why it came to that, where it is known */
export function clientError(code: keyof typeof CLIENT_ERRORS, options?: ErrorOptions, why?: string): TidegateError {
  const text = CLIENT_ERRORS[code]
  return new TidegateError(code, why ? `${text} (${why})` : text, options)
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
      readonly path?: string | undefined
      readonly version?: number | undefined
      readonly epoch?: string | undefined
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
