import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { EntityRecord, TrailEntry } from './entity-record.ts'

/** An entity that nothing has happened to. */
export function newRecord({ initial, version }: EntityDefinition): EntityRecord {
  const state = deepFreeze(initial)
  const past = { base: undefined, next: undefined, erased: undefined }
  return { version: 0, time: 0, definition: version, state, indexed: NOWHERE, ...past }
}

/**
 * The entity as its trail begins: with the events before that, if any. What was stored under another definition goes through
 * `migrate`.
 *
 * @param stored its record @throws what `migrate` throws, and where it returns no object
 */
export function beginOf(definition: EntityDefinition, stored: EntityRecord | undefined): EntityRecord {
  if (stored?.base === undefined) return newRecord(definition)
  const { base, erased, definition: from } = stored
  const { version, time } = base
  const begin = newRecord(definition)
  const state = erased?.version === version ? begin.state : migrated(definition, base.state, from)
  const present = { version, time, state }
  return { ...begin, ...present, base: present, next: present, erased }
}

function migrated(definition: EntityDefinition, state: object, from: number): object {
  const { migrate, version, name } = definition
  if (from === version) return deepFreeze(state)
  checkKnown(definition, from)
  const after = migrate?.(deepFreeze(state), from)
  if (typeof after !== 'object' || after === null) throw new Error(`migrate of ${name} returned no state`)
  return deepFreeze(after)
}

/**
 * The record with one more event. Index values are not computed: see `indexedBy`.
 *
 * @throws what `evolve` or an upcast throws, and where one returns no object
 */
export function foldEvent(
  definition: EntityDefinition,
  key: string,
  record: EntityRecord,
  { type, definition: storedUnder, data, time }: TrailEntry,
): EntityRecord {
  const event = definition.events.get(type)
  if (event === undefined) throw new Error(`${definition.name} has no event ${type} any more; keep it in the config`)
  const version = record.version + 1
  const present = presentData(definition, { type, data, definition: storedUnder })
  const state = event.evolve(record.state, present, { key, version, time })
  if (typeof state !== 'object' || state === null) throw new Error(`evolve.${type} returned no state`)
  const { indexed, base, next, erased } = record
  return { version, time, definition: definition.version, state: deepFreeze(state), indexed, base, next, erased }
}

/** Data of an event as the present version of the definition has them, frozen. @throws what an upcast throws, and where they are of a later version */
export function presentData(
  definition: EntityDefinition,
  { type, data, definition: storedUnder }: Pick<TrailEntry, 'type' | 'data' | 'definition'>,
): unknown {
  checkKnown(definition, storedUnder)
  const { events, version: present } = definition
  const upcasts = events.get(type)?.upcasts
  let upcast = data
  for (let version = storedUnder; version < present; version++) {
    const toNext = upcasts?.get(version)
    if (toNext === undefined) continue
    upcast = toNext(upcast)
    if (upcast === undefined) throw new Error(`upcast.${type}[${version}] of ${definition.name} returned nothing`)
  }
  return deepFreeze(upcast)
}

/** An upcast leads to later versions, none back. */
function checkKnown({ name, version }: EntityDefinition, storedUnder: number): void {
  if (storedUnder > version) throw new Error(`${name}: stored under version ${storedUnder}; this config has ${version}`)
}

/** The record of a whole trail. @param begin what it begins with @throws as `foldEvent` */
export function foldTrail(
  definition: EntityDefinition,
  key: string,
  trail: Iterable<TrailEntry>,
  begin = newRecord(definition),
): EntityRecord {
  let record = begin
  for (const entry of trail) record = foldEvent(definition, key, record, entry)
  return { ...record, indexed: indexedBy(definition, record.state) }
}

/** Index -> value of a state. @throws what the config's functions throw */
export function indexedBy({ indexes }: EntityDefinition, state: object): Readonly<Record<string, string>> {
  if (indexes.size === 0) return NOWHERE
  const indexed: Record<string, string> = {}
  for (const [index, lookUp] of indexes) {
    const value = lookUp(state)
    if (value === undefined) continue
    if (typeof value !== 'string' || value.includes('\0'))
      throw new Error(`indexes.${index} returned no text without \\0`)
    indexed[index] = value
  }
  return indexed
}

const NOWHERE = Object.freeze({})

/** What queries and subscribers see of a state. @throws what `view` throws */
export function viewOf({ view }: EntityDefinition, state: object): unknown {
  return view === undefined ? state : view(state)
}
