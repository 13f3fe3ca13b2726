import { COMMAND_CODES, type CommandCode, ERROR_CODES, type ErrorCode } from '@tidegate/protocol'
import type { CommandRefusal } from '../../commands/index.ts'
import { type CommandOutcome, formatVersion } from '../../entities/index.ts'
import type { HttpResponse } from '../transport/transport.ts'
import { errorStatus, json, retryAfter } from './replies.ts'

const STATUS: Readonly<Record<CommandCode, number>> = {
  invalid_input: 400,
  version_conflict: 412,
  too_deep: 409,
  unknown_entity: 404,
  unknown_command: 404,
  handler_failed: 500,
  state_too_large: 422,
  conflict: 409,
  outcome_unknown: 409,
  erased: 410,
  expired: 409,
  deadline_exceeded: 202,
  forbidden: 403,
  command_window: 503,
}
/** Of codes that an entity declares: the request was understood, and the entity would not do it. */
const DOMAIN_STATUS = 422
/** When to ask for the outcome of a pending command. */
const PENDING_RETRY_MS = 1_000

/** @param isDeclared whether a code is one of the entity's own */
export function answerReply(
  outcome: CommandOutcome,
  location: string,
  isDeclared: (code: string) => boolean,
): HttpResponse {
  if (outcome.status === 'done') {
    const { status: _, ...answer } = outcome
    return json(200, answer, { etag: `"${formatVersion(outcome)}"` })
  }
  if (outcome.code === 'deadline_exceeded') return pendingReply(location)
  return refusalReply(outcome, isDeclared(outcome.code) ? DOMAIN_STATUS : statusOf(outcome.code))
}

/** The command is stored, and has no outcome yet. */
export function pendingReply(location: string): HttpResponse {
  return json(202, { status: 'pending', location }, { location, ...retryAfter(PENDING_RETRY_MS) })
}

function refusalReply({ status: _, ...error }: CommandRefusal, status: number): HttpResponse {
  const { retryAfterMs } = error
  return json(status, { error }, retryAfterMs === undefined ? {} : retryAfter(retryAfterMs))
}

function statusOf(code: string): number {
  if (Object.hasOwn(COMMAND_CODES, code)) return STATUS[code as CommandCode]
  return Object.hasOwn(ERROR_CODES, code) ? errorStatus(code as ErrorCode) : DOMAIN_STATUS
}
