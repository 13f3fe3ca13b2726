import { DeadlineExceeded } from './deadline.ts'
import { NotConnected, ReplicasMissing } from './errors.ts'

/** Replies that say that Redis cannot serve anybody now. */
const TROUBLE =
  /^(LOADING|READONLY|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|NOAUTH) |^ERR max number of clients reached/
/** Names of the errors with which ioredis rejects unanswered commands, */
const UNANSWERED_NAMES: ReadonlySet<string> = new Set([
  'AbortError',
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
])
/** and beginnings of the messages of those without a name. */
const UNANSWERED = /^(Stream isn't writeable|Connection is closed|Command timed out|Socket timeout|connect ETIMEDOUT)/

/** Whether Redis refused the command itself: an answer like any other. */
export function isRefusal(error: Error): boolean {
  return isReply(error) && !TROUBLE.test(error.message)
}

function isReply(error: Error): boolean {
  return error.name === 'ReplyError'
}

/**
 * Whether a call failed because Redis was not there: it could not be reached, did not answer, or answered that it
 * cannot serve. A refused command is no outage, and neither is an error of our own code around the call.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isReply(error)) return TROUBLE.test(error.message)
  return (
    error instanceof DeadlineExceeded ||
    error instanceof NotConnected ||
    error instanceof ReplicasMissing ||
    UNANSWERED_NAMES.has(error.name) ||
    UNANSWERED.test(error.message) ||
    // From the operating system.
    'syscall' in error
  )
}

/** ioredis refuses a command with this text, before writing it, when the connection is not ready. */
export function isNotSent(error: unknown): boolean {
  return error instanceof NotConnected || (error instanceof Error && error.message.startsWith("Stream isn't writeable"))
}
