import { LIMITS, RESERVED_IDS, type TraceContext } from '@tidegate/protocol'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { isDeeperThan } from '../data-depth.ts'
import { exceeds } from '../exceeds.ts'
import { isRecord } from '../json-fields.ts'
import { jsonOf } from './as-json.ts'
import { type CommandBody, type CommandCause, type CommandOutcome, rejection } from './command.ts'
import { deepFreeze } from './deep-freeze.ts'
import { hashedId } from './derived-id.ts'
import type { TrailEntry } from './entity-record.ts'
import { COMMAND_LIMITS } from './limits.ts'
import { chosenId } from './owned-id.ts'

/** The command that brings its source the outcome of a reaction. No config declares one of this name. */
export const OUTCOME_COMMAND = '~outcome'

/** The answer to a reaction that is one too many in a chain. */
const TOO_DEEP = 'too_deep'

/** A command on its way from one entity to another, whose partition may be another one. */
export interface Message {
  readonly id: string
  readonly key: string
  readonly body: CommandBody
  /** Where what it follows from comes from. */
  readonly trace?: TraceContext | undefined
}

/** The input of `OUTCOME_COMMAND`. */
export interface OutcomeInput {
  /** The reaction. */
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly result: ReactionResult
}

/** Without the events that were decided: they are another entity's. */
export type ReactionResult =
  | { readonly status: 'done'; readonly version: number; readonly reply?: unknown }
  | { readonly status: 'rejected'; readonly code: string; readonly message: string }

/** Where a chain of reactions has come to. */
export interface Origin {
  readonly key: string
  readonly commandId: string
  /** Of the command that decided the events: 0 for one that a client sent. */
  readonly hops: number
  /** Place of the first event among all that were decided under this id. */
  readonly first: number
}

/**
 * What follows from the events that one decision made. Reactions of a chain that is too long are not sent: their source gets
 * their outcome at once, and nothing follows from that.
 *
 * @param before the version that the entity had
 * @throws what `then` throws, and where it returns what it may not
 */
export function reactionsTo(
  definition: EntityDefinition,
  { key, commandId, hops, first }: Origin,
  before: number,
  entries: readonly TrailEntry[],
): Message[] {
  if (definition.then.size === 0 || hops > COMMAND_LIMITS.hops) return []
  return entries.flatMap((entry, i) => {
    const handler = definition.then.get(entry.type)
    if (handler === undefined) return []
    const { type, data, time } = entry
    const version = before + i + 1
    const returned = handler(deepFreeze({ type, data, version, time }), { key, commandId: chosenId(commandId) })
    if (!Array.isArray(returned)) throw new Error(`then of ${type} returned no list of commands`)
    return returned.map((reaction: unknown, ordinal) => {
      const id = `${RESERVED_IDS.reaction}${hashedId(definition.name, key, commandId, first + i, ordinal)}`
      const cause = { entity: definition.name, key, type, version, time, commandId, hops: hops + 1 }
      const message = messageOf(id, checked(type, reaction), cause)
      return cause.hops > COMMAND_LIMITS.hops ? outcomeMessage(message, rejection(TOO_DEEP)) : message
    })
  })
}

/** What brings the source of a reaction its outcome. */
export function outcomeMessage(reaction: Message, outcome: CommandOutcome): Message {
  const { id, key, body } = reaction
  const { entity, command } = body
  const input: OutcomeInput = { id, entity, key, command, result: resultOf(outcome) }
  const cause = body.cause!
  return messageOf(
    `${RESERVED_IDS.outcome}${id}`,
    { entity: cause.entity, key: cause.key, command: OUTCOME_COMMAND, input },
    cause,
  )
}

/** The key of the entity in whose partition it was made: the source of a reaction, or what answered it. */
export function senderOf({ body }: Message): string {
  const cause = body.cause!
  if (body.command !== OUTCOME_COMMAND) return cause.key
  const { key, result } = body.input as OutcomeInput
  // One that was not sent was answered at its source.
  return result.status === 'rejected' && result.code === TOO_DEEP ? cause.key : key
}

function resultOf(outcome: CommandOutcome): ReactionResult {
  if (outcome.status === 'rejected') return { status: 'rejected', code: outcome.code, message: outcome.message }
  const { version, reply } = outcome
  return { status: 'done', version, ...(reply !== undefined && { reply }) }
}

/** Nobody waits for the answer; it is stored so that the command is run once. */
const NODE = '~then'
/** However late it is read, it is run. */
const FOREVER_MS = Number.MAX_SAFE_INTEGER

interface Called {
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly input: object
}

function messageOf(id: string, { entity, key, command, input }: Called, cause: CommandCause): Message {
  const checksum = hashedId(entity, key, command, input)
  return { id, key, body: { node: NODE, entity, command, input, checksum, cause, waitMs: FOREVER_MS } }
}

/** What `then` returned as a command: types are gone at run time. */
function checked(type: string, reaction: unknown): Called {
  const { entity, key, command, input } = (reaction ?? {}) as Partial<Record<string, unknown>>
  const fail = (what: string) => new Error(`then of ${type} returned a command ${what}`)
  if (typeof entity !== 'string' || typeof command !== 'string') throw fail('that was not made by command()')
  if (typeof key !== 'string' || key === '' || exceeds(key, LIMITS.keyBytes))
    throw fail('with a key that no entity has')
  if (!isRecord(input)) throw fail('whose input is no object')
  if (isDeeperThan(input, LIMITS.dataDepth)) throw fail('whose input nests too deep')
  const json = jsonOf(input, `the input of a command that then of ${type} returned`)
  if (exceeds(json, COMMAND_LIMITS.inputBytes)) throw fail(`with more than ${COMMAND_LIMITS.inputBytes} bytes of input`)
  return { entity, key, command, input: JSON.parse(json) as object }
}
