import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { exceeds } from '../exceeds.ts'
import { asJson, jsonOf } from './as-json.ts'
import { type AnsweredEvent, COMMAND_CODES, type CommandCause, type CommandCode } from './command.ts'
import { type EntityRecord, encodeTrailEntry, type Sender, type TrailCause, type TrailEntry } from './entity-record.ts'
import { foldEvent, indexedBy, viewOf } from './fold-events.ts'
import { COMMAND_LIMITS } from './limits.ts'
import { type Message, reactionsTo } from './reaction.ts'
import { shownEvent } from './shown-event.ts'

/** The effect of a decision, which has changed nothing yet. */
export type Effect =
  | DoneEffect
  | ErasedEffect
  | ImportedEffect
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string; readonly path?: string }
  /** The application's code threw, or returned what it may not. */
  | { readonly kind: 'failed'; readonly error: unknown }

export interface DoneEffect extends SeenState {
  readonly kind: 'done'
  readonly entries: readonly TrailEntry[]
  /** The entries as they are stored. */
  readonly stored: readonly string[]
  /** The entries as others see them. */
  readonly shown: readonly AnsweredEvent[]
  /** Commands that follow from them. */
  readonly reactions: readonly Message[]
  readonly reply?: unknown
}

/** Nothing is left of what it was. */
export interface ErasedEffect {
  readonly kind: 'erased'
  readonly key: string
  /** With its tombstone. */
  readonly record: EntityRecord
}

/** Events that were decided elsewhere. Nothing follows from them. */
export interface ImportedEffect extends SeenState {
  readonly kind: 'imported'
  readonly key: string
  /** Where the trail to be stored begins: as it was, or with a state. */
  readonly from: EntityRecord
  readonly stored: readonly string[]
}

/** An entity with what it is found by. */
export interface SeenState {
  readonly record: EntityRecord
  /** JSON of its state, where that is known. */
  readonly stateJson?: string | undefined
  /** JSON of what others see of its state; absent where nobody follows it. */
  readonly viewJson?: string | undefined
}

/** An effect that leaves the entity as it is. */
export function unchanged(record: EntityRecord): DoneEffect {
  return { kind: 'done', record, entries: [], stored: [], shown: [], reactions: [] }
}

/** What an entity decided, as its handler returned it. */
export interface Decision {
  readonly events: readonly unknown[]
  readonly reply?: unknown
}

/** What an entity decides upon: a command, or an event of a topic. */
export interface Cause {
  readonly key: string
  /** The events that are decided name it. */
  readonly id: string
  /** When it was stored, ms since 1970 by Redis' clock. */
  readonly storedAt: number
  /** It may be decided upon more than once: a topic has an event as often as it was stored. */
  readonly mayRepeat?: true
  /** Of a command: what it follows from. */
  readonly cause?: CommandCause | undefined
  readonly by?: Sender | undefined
}

/** The effect of a decision on an entity as it is. @throws what the application's code throws, and where it decided what it may not */
export function effectOf(
  definition: EntityDefinition,
  record: EntityRecord,
  { key, id, storedAt, mayRepeat, cause, by }: Cause,
  { events, reply: given }: Decision,
): Effect {
  if (events.length > COMMAND_LIMITS.events) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.events} events at once.`)
  }
  const from: EntryOrigin = { time: Math.max(record.time, storedAt), commandId: id, cause: cause && placeOf(cause), by }
  let after = record
  const entries: TrailEntry[] = []
  const stored: string[] = []
  const shown: AnsweredEvent[] = []
  let bytes = 0
  let shownBytes = 0
  for (const decided of events) {
    const { entry, dataJson } = entryOf(definition, decided, from)
    after = foldEvent(definition, key, after, entry)
    const text = encodeTrailEntry(entry, dataJson)
    bytes += Buffer.byteLength(text)
    entries.push(entry)
    stored.push(text)
    const event = shownEvent(definition, entry.type, entry.data)
    shown.push(event)
    if (definition.publicOf !== undefined) shownBytes += Buffer.byteLength(JSON.stringify(event))
  }
  if (Math.max(bytes, shownBytes) > COMMAND_LIMITS.eventBytes) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.eventBytes} bytes of events at once.`)
  }
  const replied = given === undefined ? undefined : asJson(given, 'its reply')
  if (replied !== undefined && exceeds(replied.json, COMMAND_LIMITS.replyBytes)) {
    return refused('state_too_large', `Its reply would exceed ${COMMAND_LIMITS.replyBytes} bytes.`)
  }
  if (events.length === 0) return { kind: 'done', record, entries, stored, shown, reactions: [], reply: replied?.value }
  const seen = seenOf(definition, after)
  if (seen.kind === 'rejected') return seen
  const origin = { key, commandId: id, hops: cause?.hops ?? 0, first: mayRepeat ? record.version : 0 }
  const reactions = reactionsTo(definition, origin, record.version, entries)
  if (reactions.length > COMMAND_LIMITS.reactions) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.reactions} reactions at once.`)
  }
  if (reactions.length > 0 && exceeds(JSON.stringify(reactions), COMMAND_LIMITS.reactionBytes)) {
    return refused('state_too_large', `More than ${COMMAND_LIMITS.reactionBytes} bytes of reactions at once.`)
  }
  const { record: found, stateJson, viewJson } = seen
  const reply = replied?.value
  return { kind: 'done', record: found, stateJson, viewJson, entries, stored, shown, reactions, reply }
}

/** What a changed state is found by and shows, if it is not too large. @throws what the config's functions throw */
export function seenOf(
  definition: EntityDefinition,
  record: EntityRecord,
): (SeenState & { readonly kind: 'seen' }) | ReturnType<typeof refused> {
  const { state } = record
  const stateJson = jsonOf(state, 'its state')
  if (exceeds(stateJson, COMMAND_LIMITS.stateBytes)) {
    return refused('state_too_large', `Its state would exceed ${COMMAND_LIMITS.stateBytes} bytes.`)
  }
  const { version, time, definition: foldedBy, base, next, erased } = record
  const indexed = indexedBy(definition, state)
  const found = { version, time, definition: foldedBy, state, indexed, base, next, erased }
  if (!definition.publishes.has('state')) return { kind: 'seen', record: found, stateJson }
  const { json: viewJson } = asJson(viewOf(definition, state), 'its view')
  if (exceeds(viewJson, COMMAND_LIMITS.stateBytes)) {
    return refused('state_too_large', `Its view would exceed ${COMMAND_LIMITS.stateBytes} bytes.`)
  }
  return { kind: 'seen', record: found, stateJson, viewJson }
}

function placeOf({ entity, key, version }: CommandCause): TrailCause {
  return { entity, key, version }
}

/** What the events of one decision have in common. */
interface EntryOrigin {
  readonly time: number
  readonly commandId: string
  readonly cause: TrailCause | undefined
  readonly by: Sender | undefined
}

function entryOf(
  definition: EntityDefinition,
  event: unknown,
  { time, commandId, cause, by }: EntryOrigin,
): { readonly entry: TrailEntry; readonly dataJson: string } {
  const { type, data } = (event ?? {}) as { type?: unknown; data?: unknown }
  const declared = typeof type === 'string' ? definition.events.get(type) : undefined
  if (declared === undefined) {
    // What stands in its place may be a secret; the log is read by others.
    const what = typeof type === 'string' ? type : `of a type that is ${typeof type}`
    throw new Error(`it decided an event ${what}, which is not in events`)
  }
  const valid = declared.validate(data)
  if (!valid.ok) throw new Error(`it decided ${type} with data that does not fit: ${valid.path}: ${valid.message}`)
  // As it will be read again: what JSON leaves out is not there for `evolve` either.
  const { value, json: dataJson } = asJson(valid.data, `the data of ${type}`)
  const entry = { type: type as string, definition: definition.version, data: value, time, commandId, cause, by }
  return { entry, dataJson }
}

export function refused(code: CommandCode, message: string = COMMAND_CODES[code]) {
  return { kind: 'rejected', code, message } as const
}
