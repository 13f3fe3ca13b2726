import { ERROR_CODES } from '@tidegate/protocol'
import type { EventBody } from '../bus/index.ts'
import { COMMAND_CODES, type CommandOutcome, rejection } from './command.ts'
import type { Effect } from './effect.ts'
import type { EntityRecord } from './entity-record.ts'

export interface OutcomeContext {
  /** The entity as the command found it. */
  readonly before: EntityRecord
  readonly epoch: string
  /** Notes a failure. @returns the id under which the log has it */
  readonly report: (error: unknown) => string
}

/** An outcome as the sender of the command gets it. */
export function outcomeOf(effect: Effect, { before, epoch, report }: OutcomeContext): CommandOutcome {
  switch (effect.kind) {
    case 'done': {
      const { record, shown: events, reply } = effect
      const outcome = { status: 'done', version: record.version, epoch, events } as const
      return reply === undefined ? outcome : { ...outcome, reply }
    }
    case 'erased':
    case 'imported':
      return { status: 'done', version: effect.record.version, epoch, events: [] }
    case 'rejected': {
      const { code, message, path } = effect
      return { status: 'rejected', code, message, ...(path !== undefined && { path }), version: before.version, epoch }
    }
    case 'failed': {
      const code = 'handler_failed'
      const message = `${COMMAND_CODES[code]} Id: ${report(effect.error)}.`
      return { status: 'rejected', code, message, version: before.version, epoch }
    }
  }
}

/** Advised wait of a command that was one too many: its owner has handled the others by then. */
const EXCESS_RETRY_MS = 250

/** Too many commands of the entity were read at once: the same command may be sent again. */
export function overloaded(): CommandOutcome {
  const message = `More commands of this entity wait than its owner runs at once. ${ERROR_CODES.overloaded}`
  return { status: 'rejected', code: 'overloaded', message, retryAfterMs: EXCESS_RETRY_MS }
}

/** The outcome that the log of answers has; `undefined` where it has it no longer. */
export function storedOutcome(event: EventBody | undefined): CommandOutcome {
  return event === undefined ? rejection('outcome_unknown') : (event.data as CommandOutcome)
}
