import { isSampled, type TraceContext } from '@tidegate/protocol'
import {
  type CommitOperation,
  currentHash,
  encodeEvent,
  entityHash,
  indexSet,
  type StoredEvent,
  traceMembers,
  trailList,
} from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { DoneEffect, ImportedEffect, SeenState } from './effect.ts'
import { placeOf } from './entity-book.ts'
import { cutOf, type EntityRecord, encodeRecord, sizeOf } from './entity-record.ts'
import { cutBetween, keepHistory } from './keep-history.ts'
import { chosenId } from './owned-id.ts'
import { shownState } from './rebuild.ts'

/** Puts an event into a topic that an entity publishes. @param isLatest of its key */
export type Publish = (topic: string, event: StoredEvent, isLatest: boolean) => void

/** What an entity decided. */
export interface Decided {
  readonly definition: EntityDefinition
  readonly key: string
  readonly before: EntityRecord
  readonly effect: DoneEffect
  /** Where what it decided upon comes from. */
  readonly trace: TraceContext | undefined
}

/** What is to be written of one entity with the next commit. */
interface Change {
  readonly definition: EntityDefinition
  readonly key: string
  /** As stored before. */
  readonly before: EntityRecord
  /** Where the trail to be stored begins: as stored before, or as it was erased. */
  from: EntityRecord
  readonly isErased: boolean
  /** Its trail is not cut: it was imported. */
  isWhole: boolean
  /** The record stays as it was stored, whatever it should be: it could not be rebuilt. */
  isStale: boolean
  record: EntityRecord
  /** JSON of its state, where that is known. */
  stateJson: string | undefined
  /** JSON of what others see of it, where somebody may. */
  viewJson: string | undefined
  /** Makes another event of a view of a version that there was one of before. */
  edition: string
  readonly trail: string[]
  /** Characters of record and view. */
  size: number
}

/** What becomes of what is stored. */
interface Update extends Pick<Change, 'from' | 'isWhole'>, SeenState {
  /** Further items of the trail. */
  readonly stored: readonly string[]
  readonly edition?: string
  readonly isStale?: boolean
}

export type RebuiltRecord = SeenState & Pick<Update, 'edition' | 'isStale'>

/** A state, and what is looked up by index. */
const WRITES_PER_ENTITY = 3
/** The same, its latest state and its withdrawal. */
const WRITES_PER_ERASURE = WRITES_PER_ENTITY + 2

export interface Erasure {
  readonly definition: EntityDefinition
  readonly key: string
  readonly before: EntityRecord
  /** With the tombstone. */
  readonly record: EntityRecord
}

/** What one commit changes of entities: each has its trail longer, and one state, however often it changed. */
export class EntityChanges {
  readonly #publish: Publish
  #changes = new Map<string, Change>()
  #writes = 0
  #size = 0

  constructor(publish: Publish) {
    this.#publish = publish
  }

  get writes(): number {
    return this.#writes
  }

  /** Characters of trails, records and views. */
  get size(): number {
    return this.#size
  }

  add(decided: Decided): void {
    const { definition, key, before, effect } = decided
    const { record, stored, stateJson, viewJson } = effect
    this.#put(definition, key, before, { from: before, isWhole: false, record, stored, stateJson, viewJson })
    if (definition.publishes.has('events')) this.#publishEvents(decided)
  }

  /** Its events are no news: they are not published. */
  import(definition: EntityDefinition, before: EntityRecord, effect: ImportedEffect): void {
    this.#put(definition, effect.key, before, { ...effect, isWhole: true })
  }

  /** What is stored of it beside its trail follows from another definition, or its trail is cut. Nothing has happened to it. */
  rebuild(definition: EntityDefinition, key: string, before: EntityRecord, update: RebuiltRecord): void {
    this.#put(definition, key, before, { ...update, from: before, isWhole: true, stored: [] })
  }

  #put(definition: EntityDefinition, key: string, before: EntityRecord, update: Update): void {
    const { from, isWhole, record, stored, stateJson, viewJson, edition = '', isStale = false } = update
    const place = placeOf(definition.name, key)
    const known = this.#changes.get(place)
    const kept = isWhole ? record : keepHistory(definition.history, record)
    const size = sizeOf(kept, stateJson) + (viewJson?.length ?? 0)
    if (known === undefined) {
      this.#changes.set(place, {
        definition,
        key,
        before,
        from,
        isErased: false,
        isWhole,
        isStale,
        record,
        stateJson,
        viewJson,
        edition,
        trail: [...stored],
        size,
      })
      this.#writes += WRITES_PER_ENTITY
    } else {
      this.#size -= known.size
      known.trail.push(...stored)
      known.isWhole = isWhole
      known.isStale = isStale
      known.record = record
      known.stateJson = stateJson
      known.viewJson = viewJson
      known.edition = edition
      known.size = size
    }
    this.#writes += stored.length
    this.#size += size
    for (const text of stored) this.#size += text.length
  }

  /** What was collected of it, and what is stored, go. */
  erase({ definition, key, before, record }: Erasure): void {
    const place = placeOf(definition.name, key)
    const known = this.#changes.get(place)
    const size = sizeOf(record)
    this.#changes.set(place, {
      ...{
        definition,
        key,
        before: known?.before ?? before,
        from: record,
        isErased: true,
        isWhole: false,
        isStale: false,
      },
      ...{ record, stateJson: undefined, viewJson: undefined, edition: '', trail: [], size },
    })
    this.#size += size - (known?.size ?? 0)
    this.#writes += WRITES_PER_ERASURE
  }

  /** Hands over what was collected as operations of a commit and starts anew. @param written called with each state that is as it should be, and its size */
  take(written: (name: string, key: string, record: EntityRecord, size: number) => void): CommitOperation[] {
    const operations: CommitOperation[] = []
    const states = new Map<string, [string, string][]>()
    for (const change of this.#changes.values()) {
      const { definition, key, from, isWhole, stateJson, viewJson, edition, trail } = change
      const { name, history } = definition
      const record = isWhole ? change.record : keepHistory(history, change.record)
      if (viewJson !== undefined) this.#publishState(name, key, record, viewJson, edition)
      const text = encodeRecord(record, stateJson)
      const fields = states.get(name)
      if (fields === undefined) states.set(name, [[key, text]])
      else fields.push([key, text])
      if (change.isErased) operations.push(...this.#erased(change))
      const base = from.version - cutOf(from)
      const dropped = cutBetween(from, record)
      operations.push({ op: 'push', list: trailList(name, key), base, items: trail, ...(dropped > 0 && { dropped }) })
      operations.push(...indexChanges(change))
      if (!change.isStale) written(name, key, record, text.length)
    }
    for (const [name, fields] of states) operations.push({ op: 'set', hash: entityHash(name), fields })
    this.#changes = new Map()
    this.#writes = 0
    this.#size = 0
    return operations
  }

  /** Nothing of it is left in the trail or among the latest states, and whoever follows it is told. */
  #erased({ definition: { name, publishes }, key, before, viewJson, record }: Change): CommitOperation[] {
    if (viewJson === undefined && publishes.has('state')) {
      const { version, time } = record
      const json = encodeEvent(`${version}`, key, time, undefined, JSON.stringify({ version, erased: true }))
      this.#publish(`${name}.state`, { key, lane: 'normal', time, json }, false)
    }
    const list = trailList(name, key)
    return [
      { op: 'push', list, base: before.version - cutOf(before), items: [] },
      { op: 'drop', hash: list },
      { op: 'delete', hash: currentHash(`${name}.state`), fields: [key] },
    ]
  }

  /** Once a commit, however often it changed: who wants every step follows the events. */
  #publishState(name: string, key: string, { version, time }: EntityRecord, viewJson: string, edition: string): void {
    const json = encodeEvent(`${version}${edition}`, key, time, undefined, shownState(version, viewJson))
    this.#publish(`${name}.state`, { key, lane: 'normal', time, json }, true)
  }

  #publishEvents({ definition, key, before, effect: { entries, shown }, trace }: Decided): void {
    const topic = `${definition.name}.events`
    const context = trace ?? NO_TRACE
    const traceJson = traceMembers(context)
    for (const [i, { time, commandId: stored }] of entries.entries()) {
      const { type, ...data } = shown[i]!
      const [version, commandId] = [before.version + i + 1, chosenId(stored)]
      const event = { type, version, commandId, ...data }
      // Two callers may have chosen the same one.
      const id = `${commandId}.${commandId === stored ? i : version}`
      const json = encodeEvent(id, key, time, undefined, JSON.stringify(event), traceJson)
      this.#publish(topic, { key, lane: 'normal', time, json, isSampled: isSampled(context) }, false)
    }
  }
}

const NO_TRACE: Partial<TraceContext> = {}
const NO_OPERATIONS: readonly CommitOperation[] = []

/** What changes in the indexes of an entity. */
function indexChanges({ definition: { name }, key, before, record }: Change): readonly CommitOperation[] {
  if (before.indexed === record.indexed) return NO_OPERATIONS
  const indexes = new Set([...Object.keys(before.indexed), ...Object.keys(record.indexed)])
  return [...indexes].flatMap((index) => {
    const [old, now] = [before.indexed[index], record.indexed[index]]
    if (old === now) return []
    const members = (value: string | undefined) => (value === undefined ? [] : [`${value}\0${key}`])
    return [{ op: 'index', index: indexSet(name, index), add: members(now), remove: members(old) } as const]
  })
}
