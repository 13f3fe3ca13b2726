import type { EventBody } from '../bus/index.ts'

/** What the log of commands holds as the data of an event. The id of that event is the command's, its key the entity's. */
export interface CommandBody {
  /** The gateway that took it and waits for the answer. */
  readonly node: string
  readonly entity: string
  readonly command: string
  readonly input: unknown
  /** Of entity, key, command, input and expected version, as they were sent: two commands of one id are told apart by it. */
  readonly checksum: string
  /** How long before it was stored it was sent first, ms; absent on a first attempt. */
  readonly ageMs?: number
  readonly expected?: ExpectedVersion
  /** From when on nobody waits for it any more, ms since 1970. */
  readonly notAfter: number
}

/** The version that an entity must have. An epoch that is not the present one never fits. */
export interface ExpectedVersion {
  readonly version: number
  readonly epoch?: string
}

/** A command as its owner runs it. */
export interface Command extends CommandBody {
  readonly id: string
  readonly key: string
  /** When it was stored, ms since 1970 by Redis' clock. */
  readonly storedAt: number
}

/** What became of a command: the data of an event in the log of answers, whose id is the command's and whose key is the gateway's. */
export type CommandOutcome =
  | {
      readonly status: 'done'
      /** Of the entity with the events of the command. */
      readonly version: number
      readonly epoch: string
      readonly events: readonly AnsweredEvent[]
      readonly reply?: unknown
    }
  | {
      readonly status: 'rejected'
      /** One of the entity's own, or one of `COMMAND_CODES`. */
      readonly code: string
      readonly message: string
      /** Field of the input that does not fit. */
      readonly path?: string
      /** Of the entity, where the command was run. */
      readonly version?: number
      readonly epoch?: string
      /** Present where nothing was stored under the id: the same command may be sent again. */
      readonly retryAfterMs?: number
    }

export interface AnsweredEvent {
  readonly type: string
  /** Absent where the entity has a `view`: what that leaves out leaves by no other door. */
  readonly data?: unknown
}

/** Codes of rejections that are not the entity's own. */
export const COMMAND_CODES = {
  invalid_input: 'The input does not fit the schema of the command; `path` names the field.',
  version_conflict: 'The entity has another version than expected. Read it again.',
  unknown_entity: 'No such entity. GET /v1/entities lists them.',
  unknown_command: 'The entity has no such command. GET /v1/entities lists them.',
  handler_failed:
    'The handler of the command failed. The log of the workers has the cause under the id that the message names.',
  state_too_large: 'The entity would outgrow its limits; nothing was changed.',
  conflict: 'This id was already used for another command; nothing was done now.',
  outcome_unknown: 'The command is too old to know whether it was run; it was not run now.',
  expired: 'The command waited longer than its sender did; it was not run.',
} as const

export type CommandCode = keyof typeof COMMAND_CODES

/** Reads a command from its event. @param streamId of the record batch that holds it */
export function commandOf({ id, key, data }: EventBody, storedAt: number): Command {
  return { ...(data as CommandBody), id, key, storedAt }
}
