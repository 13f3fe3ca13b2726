import { STORE_ERRORS, type StoreErrorCode } from '../errors/error-codes.ts'
import { TidegateError } from '../errors/errors.ts'

/** @param what happened in this case */
export function storeError(code: StoreErrorCode, what: string, cause?: unknown): TidegateError {
  return new TidegateError(code, `${what} ${STORE_ERRORS[code]}`, { cause, retryable: code === 'store_failed' })
}

/** What a store could not do, as an error of the client. */
export function storeFailure(cause: unknown): TidegateError {
  return cause instanceof TidegateError ? cause : storeError('store_failed', `${cause}.`, cause)
}
