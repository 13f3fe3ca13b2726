import { type CommandCode, type ErrorCode, RETRYABLE } from '@tidegate/protocol'
import { CLIENT_ERRORS, type ClientErrorCode, type StoreErrorCode } from './error-codes.ts'
import type { PublishReceipt } from './publish-receipt.ts'

export type { ClientErrorCode } from './error-codes.ts'
export type TidegateErrorCode = ErrorCode | CommandCode | ClientErrorCode | StoreErrorCode

interface ErrorOptions {
  readonly cause?: unknown
  readonly commandId?: string | undefined
  readonly path?: string | undefined
  readonly receipt?: PublishReceipt
  /** That of the code of a server if absent. */
  readonly retryable?: boolean
}

/** Every error the SDK rejects with, but for commands that their entity rejected. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'
  declare readonly code: TidegateErrorCode
  /** Whether the same call may succeed later; that of a command under its id. */
  declare readonly retryable: boolean
  /** Of a command: as `id` of the same command it asks for its outcome. */
  declare readonly commandId: string | undefined
  /** Of a publish: the field that does not fit, of the first event that was refused. */
  declare readonly path: string | undefined
  /** Of a publish: what became of each event, as far as the server has said. */
  declare readonly receipt: PublishReceipt | undefined

  constructor(code: TidegateErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    const { cause: _, ...members } = options
    Object.assign(this, { code, retryable: RETRYABLE.has(code as ErrorCode), ...members })
  }
}

/** One after which the same call may succeed, with the text that a table has for its code. */
export function passingError<Code extends ClientErrorCode>(
  texts: Readonly<Record<Code, string>>,
  code: Code,
  options?: ErrorOptions,
): TidegateError {
  return new TidegateError(code, texts[code], { retryable: true, ...options })
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
  declare readonly code: string
  declare readonly commandId: string
  /** With `invalid_input`: the field that does not fit. */
  declare readonly path: string | undefined
  /** Of the entity, where the command was run. */
  declare readonly version: number | undefined
  /** Of the log in which it has that version. */
  declare readonly epoch: string | undefined

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
    Object.assign(this, { code, ...of })
  }
}
