import { DeadlineExceeded } from '../deadline.ts'
import { NotConnected, ReplicasMissing } from '../errors.ts'

/** Replies that say that Redis cannot serve anybody now. */
const TROUBLE =
  /^(LOADING|READONLY|UNBLOCKED|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|NOAUTH) |^ERR max number of clients reached/
/**
 * Replies of a node of a cluster about one slot: another node serves it, or none does now. The last one is of a script that has
 * begun; those that may not be run again from there name a key that never exists (keys.ts), and are refused before.
 */
const ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |^ERR Script attempted to access a non local key/
/** The second is of a script, one of whose commands is forbidden. */
const FORBIDDEN = /^NOPERM |The user executing the script can't (run this command|access)/
/** Names of the errors with which ioredis rejects unanswered commands, */
const UNANSWERED_NAMES: ReadonlySet<string> = new Set(['AbortError', 'MaxRetriesPerRequestError'])
/** and beginnings of the messages of those without a name. */
const UNANSWERED = /^(Stream isn't writeable|Connection is closed|Command timed out|Socket timeout|connect ETIMEDOUT)/

/** Whether Redis refused the command itself: an answer like any other. */
export function isRefusal(error: Error): boolean {
  return isReply(error) && !TROUBLE.test(error.message)
}

/** Whether a node of a cluster refused the command for its slot. It may be made again. */
export function isElsewhere(error: unknown): error is Error {
  return error instanceof Error && isReply(error) && ELSEWHERE.test(error.message)
}

/** Whether the user of REDIS_URL may not do that, or may not do it any more. */
export function isForbidden(error: Error): boolean {
  return isReply(error) && FORBIDDEN.test(error.message)
}

/** Whether Redis refused a write because its memory is full. */
export function isFull(error: Error): boolean {
  return /^OOM |^-OOM|command not allowed when used memory/.test(error.message)
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
