import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { TRANSIT_MS } from './answer-generations.ts'
import type { Command, CommandOutcome } from './command.ts'
import { type Effect, unchanged } from './effect.ts'
import type { EntityRecord, Tombstone } from './entity-record.ts'
import { newRecord } from './fold-events.ts'
import { OUTCOME_COMMAND } from './reaction.ts'

/** The command that erases an entity. No declared command has such a name, so no client can send it. */
export const ERASE = '~erase'

/** Takes everything of an entity but its version. The same whatever is stored of it: code of the application is not run. */
export function erase(
  definition: EntityDefinition,
  record: EntityRecord,
  { key, storedAt }: Pick<Command, 'key' | 'storedAt'>,
): Effect {
  if (record.version === 0)
    return { kind: 'rejected', code: 'not_found', message: `No ${definition.name} has this key.` }
  if (isErased(record)) return unchanged(record)
  const begin = newRecord(definition)
  const base = { version: record.version + 1, time: Math.max(record.time, storedAt), state: begin.state }
  const erased = { version: base.version, time: storedAt }
  return { kind: 'erased', key, record: { ...begin, ...base, base, next: base, erased } }
}

/** Whether nothing has happened to it since it was erased. */
export function isErased({ version, erased }: EntityRecord): boolean {
  return erased?.version === version
}

/** Events since it was erased, or in all: what commands know as its version. */
export function eventsOf({ version, erased }: EntityRecord): number {
  return version - (erased?.version ?? 0)
}

/** Whether a command that has no answer was sent first before an entity was erased, or follows from what happened before. */
export function isOfBefore({ storedAt, ageMs = 0, command, cause }: Command, erased: Tombstone | undefined): boolean {
  if (erased === undefined) return false
  if (command === OUTCOME_COMMAND && cause !== undefined && cause.version < erased.version) return true
  // It may have waited for its target, and would bring back what was erased meanwhile.
  if (cause?.time !== undefined && cause.time < erased.time) return true
  // An age is as of when the command was sent.
  return storedAt < erased.time || (ageMs > 0 && storedAt - ageMs < erased.time + TRANSIT_MS)
}

/** Whether an answer was given before an entity was erased: it may tell of what is gone. */
export function isAnswerOfBefore(outcome: CommandOutcome, erased: Tombstone | undefined): boolean {
  return erased !== undefined && outcome.version !== undefined && outcome.version < erased.version
}
