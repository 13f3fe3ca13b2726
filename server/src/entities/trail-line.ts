import { LIMITS } from '@tidegate/protocol'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { isDeeperThan } from '../data-depth.ts'
import { clipped } from '../exceeds.ts'
import { type Fields, isRecord } from '../json-fields.ts'
import type { EntityRecord, Sender, Tombstone, TrailCause, TrailEntry } from './entity-record.ts'

/** One line of an exported trail, without entity and key. */
export type TrailLine = BaseLine | EventLine

/** What a trail begins with, where the events before are gone. */
export interface BaseLine {
  readonly kind: 'base'
  readonly version: number
  /** Of the newest event before, ms since 1970. */
  readonly time: number
  /** Version of the definition that folded the state. */
  readonly definition: number
  readonly state: object
  readonly erased?: Tombstone
}

export interface EventLine {
  readonly kind: 'event'
  /** Of the entity with this event. */
  readonly version: number
  readonly entry: TrailEntry
}

/** What a line may have beside entity and key. */
const BASE_FIELDS = new Set(['version', 'time', 'definition', 'state', 'erased'])
const EVENT_FIELDS = new Set(['version', 'type', 'definition', 'time', 'commandId', 'cause', 'by', 'data'])
/** UTF-8 bytes of a name that a refusal repeats. */
const SHOWN_BYTES = 192
/** A state may nest deeper than data. */
const STATE_DEPTH = 4 * LIMITS.dataDepth

/** The line that the trail of a record begins with, if its first event is not the first of the entity. */
export function baseLineOf({ base, definition, erased }: EntityRecord): BaseLine | undefined {
  return base && { kind: 'base', ...base, definition, ...(erased !== undefined && { erased }) }
}

/** The fields of a line, in the order in which they are written. */
export function fieldsOf(line: TrailLine): Fields {
  if (line.kind === 'base') {
    const { version, time, definition, state, erased } = line
    return { version, time, definition, state, ...(erased !== undefined && { erased }) }
  }
  const { type, definition, time, commandId, cause, by, data } = line.entry
  const origin = { ...(cause !== undefined && { cause }), ...(by !== undefined && { by }) }
  return { version: line.version, type, definition, time, commandId, ...origin, data }
}

/** Reads the fields of a line back. @throws Error that says what does not fit */
export function parseTrailLine(fields: unknown): TrailLine {
  if (!isRecord(fields)) throw new Error('a line is a JSON object')
  const isEvent = fields.type !== undefined
  const known = isEvent ? EVENT_FIELDS : BASE_FIELDS
  const foreign = Object.keys(fields).find((name) => !known.has(name))
  if (foreign !== undefined)
    throw new Error(`a line ${isEvent ? 'with' : 'without'} type has no field ${clipped(foreign, SHOWN_BYTES)}`)
  const version = whole(fields, 'version', 1)
  const time = whole(fields, 'time')
  const definition = whole(fields, 'definition', 1)
  if (!isEvent) {
    const { state, erased } = fields
    if (!isRecord(state)) throw new Error('a line has the type of an event, or the state that a trail begins with')
    if (isDeeperThan(state, STATE_DEPTH)) throw new Error('state nests too deep')
    const base = { kind: 'base', version, time, definition, state } as const
    return erased === undefined ? base : { ...base, erased: tombstoneOf(erased, version) }
  }
  const { type, commandId, cause, by, data } = fields
  if (typeof type !== 'string') throw new Error('type is a text')
  if (typeof commandId !== 'string' || commandId === '') throw new Error('commandId is a text')
  if (data === undefined) throw new Error('data is missing')
  if (isDeeperThan(data, LIMITS.dataDepth)) throw new Error('data nests too deep')
  const origin = {
    ...(cause !== undefined && { cause: causeOf(cause) }),
    ...(by !== undefined && { by: senderOf(by) }),
  }
  const entry = { type, definition, data, time, commandId, ...origin }
  return { kind: 'event', version, entry }
}

/** Where an import has come to with an entity. */
export type Place = Pick<EntityRecord, 'version' | 'time'>

export const NO_EVENTS: Place = { version: 0, time: 0 }

export function placeBehind(line: TrailLine): Place {
  return { version: line.version, time: line.kind === 'base' ? line.time : line.entry.time }
}

/** Why a line cannot follow, in words; `undefined` where it can. */
export function problemOf(definition: EntityDefinition, before: Place, line: TrailLine): string | undefined {
  const { name, version: present, events, migrate } = definition
  const storedUnder = line.kind === 'base' ? line.definition : line.entry.definition
  if (storedUnder > present) return `it is of version ${storedUnder} of ${name}, and this config has version ${present}`
  if (line.kind === 'base') {
    if (before.version > 0) return 'a state stands only before the first event of its entity'
    const needsMigrate = storedUnder !== present && line.erased?.version !== line.version
    return needsMigrate && migrate === undefined
      ? `${name} has no migrate for a state of version ${storedUnder}`
      : undefined
  }
  if (line.version !== before.version + 1) return `version ${line.version} does not follow version ${before.version}`
  if (line.entry.time < before.time) return 'its time lies before that of the event before'
  return events.has(line.entry.type)
    ? undefined
    : `${name} has no event ${JSON.stringify(clipped(line.entry.type, SHOWN_BYTES))}`
}

/** The record that a state stands for. */
export function recordOf({ version, time, definition, state, erased }: BaseLine): EntityRecord {
  const base = { version, time, state }
  return { ...base, definition, indexed: {}, base, next: base, erased }
}

function tombstoneOf(value: unknown, upTo: number): Tombstone {
  if (!isRecord(value)) throw new Error('erased is an object')
  const version = whole(value, 'version', 1)
  if (version > upTo) throw new Error('erased.version is not after the version of its line')
  return { version, time: whole(value, 'time') }
}

function causeOf(value: unknown): TrailCause {
  if (!isRecord(value)) throw new Error('cause is an object')
  const { entity, key } = value
  if (typeof entity !== 'string' || typeof key !== 'string') throw new Error('cause has an entity and a key')
  return { entity, key, version: whole(value, 'version', 1) }
}

function senderOf(value: unknown): Sender {
  if (!isRecord(value) || typeof value.subject !== 'string') throw new Error('by has a subject')
  const { subject, claims } = value
  if (claims === undefined) return { subject }
  if (!isRecord(claims) || isDeeperThan(claims, LIMITS.dataDepth)) throw new Error('by.claims is an object')
  return { subject, claims }
}

function whole(fields: Fields, name: string, least = 0): number {
  const value = fields[name]
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw new Error(`${name} is a whole number, at least ${least}`)
}
