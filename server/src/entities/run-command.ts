import { LIMITS } from '@tidegate/protocol'
import type { EntityDefinition } from '../config/entity-model.ts'
import { isDeeperThan } from '../data-depth.ts'
import { COMMAND_CODES, type Command, type CommandCode } from './command.ts'
import { deepFreeze } from './deep-freeze.ts'
import { derivedId } from './derived-id.ts'
import { type EntityRecord, encodeTrailEntry, type TrailEntry } from './entity-record.ts'
import { foldEvent, indexedBy, viewOf } from './fold-events.ts'
import { COMMAND_LIMITS } from './limits.ts'

/** What running a command comes to. It has changed nothing yet. */
export type Effect =
  | {
      readonly kind: 'done'
      readonly record: EntityRecord
      readonly entries: readonly TrailEntry[]
      /** The entries as they are stored. */
      readonly stored: readonly string[]
      /** What others see of the state; absent where nobody follows it. */
      readonly view?: unknown
      readonly reply?: unknown
    }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string; readonly path?: string }
  /** The application's code threw, or returned what it may not. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** Runs a command on an entity as it is. Pure, as far as the application's handlers are. Never throws. */
export function runCommand(
  definition: EntityDefinition,
  epoch: string,
  record: EntityRecord,
  command: Command,
): Effect {
  const handler = definition.commands.get(command.command)
  if (handler === undefined) return refused('unknown_command')
  const input = handler.validate(command.input)
  if (!input.ok) {
    if (input.cause !== undefined) return { kind: 'failed', error: input.cause }
    return { ...refused('invalid_input', input.message), path: input.path }
  }
  const { expected } = command
  if (expected !== undefined && (expected.version !== record.version || (expected.epoch ?? epoch) !== epoch)) {
    return refused('version_conflict', `It has version ${record.version}@${epoch}.`)
  }
  try {
    const context = contextOf(command, record)
    const decided = handler.decide(record.state, deepFreeze(input.data), context)
    return effectOf(definition, record, command, decisionOf(definition, decided))
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function contextOf({ id, key, storedAt }: Command, { version }: EntityRecord) {
  let ids = 0
  return { key, version, now: storedAt, commandId: id, id: () => derivedId(id, ids++) }
}

interface Decision {
  readonly rejected?: { readonly code: string; readonly message: string }
  readonly events: readonly { readonly type: string; readonly data: unknown }[]
  readonly reply?: unknown
}

/** What a handler returned, checked: types are gone at run time. */
function decisionOf(definition: EntityDefinition, decided: unknown): Decision {
  if (Array.isArray(decided)) return { events: decided as Decision['events'] }
  if (typeof decided !== 'object' || decided === null)
    throw new Error('decide returned neither events nor reject() nor reply()')
  const { rejected, message, reply, events } = decided as Record<string, unknown>
  if (typeof rejected === 'string') {
    if (!definition.rejections.has(rejected))
      throw new Error(`decide rejected with ${rejected}, which is not in rejections`)
    return { rejected: { code: rejected, message: String(message) }, events: [] }
  }
  if (!Array.isArray(events)) throw new Error('decide returned neither events nor reject() nor reply()')
  return { events: events as Decision['events'], reply }
}

function effectOf(
  definition: EntityDefinition,
  record: EntityRecord,
  command: Command,
  { rejected, events, reply }: Decision,
): Effect {
  if (rejected !== undefined) return { kind: 'rejected', ...rejected }
  if (events.length > COMMAND_LIMITS.events) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.events} events at once.`)
  }
  const time = Math.max(record.time, command.storedAt)
  let after = record
  const entries: TrailEntry[] = []
  const stored: string[] = []
  let bytes = 0
  for (const event of events) {
    const entry = entryOf(definition, event, time, command.id)
    after = foldEvent(definition, command.key, after, entry)
    const text = encodeTrailEntry(entry)
    bytes += Buffer.byteLength(text)
    entries.push(entry)
    stored.push(text)
  }
  if (bytes > COMMAND_LIMITS.eventBytes) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.eventBytes} bytes of events at once.`)
  }
  const isTooLarge = events.length > 0 && Buffer.byteLength(JSON.stringify(after.state)) > COMMAND_LIMITS.stateBytes
  if (isTooLarge) return refused('state_too_large', `Its state would exceed ${COMMAND_LIMITS.stateBytes} bytes.`)
  const answered = reply === undefined ? undefined : { reply: asJson(reply) }
  if (events.length === 0) return { kind: 'done', record, entries, stored, ...answered }
  after = { ...after, indexed: indexedBy(definition, after.state) }
  const view = definition.publishes.has('state') ? asJson(viewOf(definition, after.state)) : undefined
  if (view !== undefined && Buffer.byteLength(JSON.stringify(view)) > COMMAND_LIMITS.stateBytes) {
    return refused('state_too_large', `Its view would exceed ${COMMAND_LIMITS.stateBytes} bytes.`)
  }
  return { kind: 'done', record: after, entries, stored, ...(view !== undefined && { view }), ...answered }
}

function entryOf(definition: EntityDefinition, event: unknown, time: number, commandId: string): TrailEntry {
  const { type, data } = (event ?? {}) as { type?: unknown; data?: unknown }
  const declared = typeof type === 'string' ? definition.events.get(type) : undefined
  if (declared === undefined)
    throw new Error(`decide returned the event ${JSON.stringify(type)}, which is not in events`)
  const valid = declared.validate(data)
  if (!valid.ok) throw new Error(`decide returned ${type} with data that does not fit: ${valid.path}: ${valid.message}`)
  if (isDeeperThan(valid.data, LIMITS.dataDepth))
    throw new Error(`decide returned ${type} with data that nests too deep`)
  // As it will be read again: what JSON leaves out is not there for `evolve` either.
  return { type: type as string, definition: definition.version, data: asJson(valid.data), time, commandId }
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function refused(code: CommandCode, message: string = COMMAND_CODES[code]) {
  return { kind: 'rejected', code, message } as const
}
