import { UNAUTHORIZED } from '@tidegate/protocol'
import { clientError, TidegateError } from '../../errors/errors.ts'
import type { ConnectionEvent } from './event.ts'
import type { ErrorFrame } from './state.ts'

/** Why there will be no further connection. */
export type Ending =
  | { readonly by: 'application' }
  | {
      readonly by: 'server'
      readonly code: number
      readonly reason: string
      /** Its last error before it closed. */
      readonly fault: ErrorFrame | undefined
    }

/** Close codes below are those of WebSocket. */
const FIRST_OF_TIDEGATE = 4_000

/** What to do without a function that gives another token. */
const NEW_CLIENT = 'Open another client with a valid `token`, or give a function.'

/** The error with which everything outstanding rejects. */
export function endingError(ending: Ending): TidegateError {
  if (ending.by === 'application') return clientError('closed')
  const { code, reason, fault } = ending
  if (code === UNAUTHORIZED) return refusalError(fault, NEW_CLIENT)
  const cause = fault && new TidegateError(fault.code, fault.message)
  const message = `The server closed the connection for good: ${cause?.message ?? reason} (close code ${code})`
  return new TidegateError('closed', message, { cause })
}

/** A gateway refused the token. @param advice what to do */
export function refusalError(fault: ErrorFrame | undefined, advice: string): TidegateError {
  return new TidegateError('unauthorized', `${fault?.message ?? 'The token is not valid here.'} ${advice}`)
}

/** Why the last connection ended, or none could be made. @param noToken the newest error of the token function */
export function lossError(
  event: ConnectionEvent,
  fault: ErrorFrame | undefined,
  noToken: TidegateError | undefined,
): TidegateError {
  if (event.kind === 'token_failed' && noToken !== undefined) return noToken
  if (event.kind !== 'lost') return lost(event.kind === 'silence_due' ? 'the gateway is silent' : event.kind)
  const { code, reason, cause } = event
  if (code >= FIRST_OF_TIDEGATE && fault !== undefined) return new TidegateError(fault.code, fault.message)
  const said = cause instanceof Error ? cause.message : reason
  return lost(`${said && `${said}, `}close code ${code}`, cause)
}

function lost(how: string, cause?: unknown): TidegateError {
  return clientError('disconnected', { cause }, how)
}
