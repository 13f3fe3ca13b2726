import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { clipped, exceeds } from '../exceeds.ts'
import type { Command, ExpectedVersion } from './command.ts'
import { deepFreeze } from './deep-freeze.ts'
import { derivedId } from './derived-id.ts'
import { type Decision, type Effect, effectOf, refused } from './effect.ts'
import type { EntityRecord } from './entity-record.ts'
import { eventsOf } from './erase.ts'
import { COMMAND_LIMITS } from './limits.ts'
import { chosenId } from './owned-id.ts'
import { OUTCOME_COMMAND, type OutcomeInput } from './reaction.ts'

/** Runs a command on an entity as it is. Pure, as far as the application's handlers are. Never throws. */
export function runCommand(
  definition: EntityDefinition,
  epoch: string,
  record: EntityRecord,
  command: Command,
): Effect {
  if (command.command === OUTCOME_COMMAND) return runOutcome(definition, record, command)
  const handler = definition.commands.get(command.command)
  if (handler === undefined) return refused('unknown_command')
  const sender = command.cause === undefined ? 'client' : 'reaction'
  if (handler.by !== 'both' && handler.by !== sender) {
    return refused('unknown_command', `${command.command} is not for a ${sender}; its \`by\` says so.`)
  }
  const input = handler.validate(command.input)
  if (!input.ok) {
    if (input.cause !== undefined) return { kind: 'failed', error: input.cause }
    // Both may be as long as the input, and more.
    const [message, path] = [input.message, input.path].map((text) => clipped(text, COMMAND_LIMITS.messageBytes))
    return { ...refused('invalid_input', message), path: path! }
  }
  const { expected } = command
  if (expected !== undefined && !(isExpected(expected, record) && (expected.epoch ?? epoch) === epoch)) {
    return refused('version_conflict', `It has version ${record.version}@${epoch}.`)
  }
  try {
    const context = contextOf(command, record)
    const decided = decisionOf(definition, handler.decide(record.state, deepFreeze(input.data), context))
    return 'code' in decided ? decided : effectOf(definition, record, command, decided)
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/** Version 0 is that of an entity without events: of one that was erased as well. */
function isExpected({ version }: ExpectedVersion, record: EntityRecord): boolean {
  return version === record.version || (version === 0 && eventsOf(record) === 0)
}

/** What the source of a reaction decides on its outcome. It may come after the config has lost its handler. */
function runOutcome(definition: EntityDefinition, record: EntityRecord, command: Command): Effect {
  const { outcome: handler, name } = definition
  if (handler === undefined || command.cause === undefined) return refused('unknown_command')
  try {
    const events = handler(record.state, deepFreeze(command.input as OutcomeInput), contextOf(command, record))
    if (!Array.isArray(events) || events.length === 0) throw new Error(`outcome of ${name} returned no event`)
    return effectOf(definition, record, command, { events })
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function contextOf({ id, key, storedAt, cause, by }: Command, record: EntityRecord) {
  let ids = 0
  const caller = by === undefined ? ANONYMOUS : deepFreeze({ subject: by.subject, claims: by.claims ?? {} })
  const next = () => derivedId(id, ids++)
  const context = { key, version: eventsOf(record), now: storedAt, commandId: chosenId(id), caller, id: next }
  if (cause === undefined) return context
  const { hops: _, time: __, ...event } = cause
  const system = `system:${cause.entity}`
  return {
    ...context,
    caller: { subject: system, claims: {} },
    cause: { by: system, ...event, commandId: chosenId(event.commandId) },
  }
}

const ANONYMOUS = deepFreeze({ subject: 'anonymous', claims: {} })

/** What a handler returned, checked: types are gone at run time. */
function decisionOf(definition: EntityDefinition, decided: unknown): Decision | Extract<Effect, { kind: 'rejected' }> {
  if (Array.isArray(decided)) return { events: decided }
  if (typeof decided !== 'object' || decided === null)
    throw new Error('decide returned neither events nor reject() nor reply()')
  const { rejected, message, reply, events } = decided as Record<string, unknown>
  if (typeof rejected === 'string') {
    if (!definition.rejections.has(rejected))
      throw new Error(`decide rejected with ${rejected}, which is not in rejections`)
    const text = String(message)
    return exceeds(text, COMMAND_LIMITS.messageBytes)
      ? refused('state_too_large', `The text of ${rejected} would exceed ${COMMAND_LIMITS.messageBytes} bytes.`)
      : { kind: 'rejected', code: rejected, message: text }
  }
  if (!Array.isArray(events)) throw new Error('decide returned neither events nor reject() nor reply()')
  return { events, reply }
}
