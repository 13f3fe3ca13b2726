import { ERROR_CODES, type ErrorCode } from '@tidegate/protocol'

/** A query that cannot be answered, with the code its caller sees. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string = ERROR_CODES[code]) {
    super(message)
    this.code = code
  }
}
