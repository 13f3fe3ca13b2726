import {
  COMMAND_CODES,
  type CommandCode,
  type CommandEvent,
  type CommandResult,
  type ExpectedVersion,
  type TraceContext,
} from '@tidegate/protocol'
import type { EventBody } from '../bus/index.ts'
import type { Sender } from './entity-record.ts'

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
  readonly ageMs?: number | undefined
  readonly expected?: ExpectedVersion | undefined
  /** Absent where a client sent it. */
  readonly cause?: CommandCause | undefined
  /** The client that sent it; absent where nobody was asked who it is. */
  readonly by?: Sender | undefined
  /** How long after it was stored somebody may still wait for it, ms. A duration: the clocks of gateways and Redis differ. */
  readonly waitMs: number
}

/** The event that a command follows from, of an entity in this or another partition. */
export interface CommandCause {
  readonly entity: string
  readonly key: string
  readonly type: string
  /** Of the entity with the event. */
  readonly version: number
  /** Of the event, ms since 1970 by Redis' clock; absent where an earlier build sent it. */
  readonly time?: number | undefined
  /** The command that the event follows from. */
  readonly commandId: string
  /** Commands of its chain behind the one that no event caused. */
  readonly hops: number
}

/** A command as its owner runs it. */
export interface Command extends CommandBody {
  readonly id: string
  readonly key: string
  /** When it was stored, ms since 1970 by Redis' clock. */
  readonly storedAt: number
  /** So many commands of its entity were read before it, and not run yet, that it is not run. */
  readonly isExcess?: boolean
  /** Where it comes from. */
  readonly trace?: TraceContext | undefined
}

/** What became of a command: the data of an event in the log of answers, whose id is the command's and whose key is the gateway's. */
export type CommandOutcome = CommandResult

/** An event as others see it: see `shownEvent`. */
export type AnsweredEvent = CommandEvent

export { COMMAND_CODES, type CommandCode, type ExpectedVersion } from '@tidegate/protocol'

/** Reads a command from its event. @param storedAt when its record batch was stored, ms since 1970 by Redis' clock */
export function commandOf(event: EventBody, storedAt: number): Command {
  const { id, key, data } = event
  const trace = traceOf(event)
  const { node, entity, command, input, checksum, ageMs, expected, cause, by, waitMs } = data as CommandBody
  // Field by field: a spread costs as much as all else that is done here.
  return { id, key, storedAt, node, entity, command, input, checksum, ageMs, expected, cause, by, waitMs, trace }
}

/** The trace context that an event has, without the rest of it. */
export function traceOf({ traceparent, tracestate }: Partial<TraceContext>): TraceContext | undefined {
  if (traceparent === undefined) return undefined
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate }
}

export function rejection(code: CommandCode, message: string = COMMAND_CODES[code]): CommandOutcome {
  return { status: 'rejected', code, message }
}
