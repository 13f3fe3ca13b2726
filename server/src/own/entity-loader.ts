import { findAnswers, type StoredEntity } from '../bus/index.ts'
import type { EntityDefinition } from '../config/entity-model.ts'
import {
  beginWithin,
  type Command,
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  deepFreeze,
  type EntityFold,
  type EntityRecord,
  foldSlices,
  type HeldEntity,
  newRecord,
  type Subject,
  storedOutcome,
  type UnreadTrail,
} from '../entities/index.ts'
import { IN_SLICES, withinTimeLimit } from '../time-limit.ts'
import type { PartitionStore } from './partition-store.ts'

/** Events of a trail that are read at a time. */
const PAGE = 500

/**
 * Loads what commands and events touch before they are folded. Every call rejects with BusUnavailable when Redis does not answer.
 */
export class EntityLoader {
  readonly #store: PartitionStore
  readonly #definitions: ReadonlyMap<string, EntityDefinition>

  constructor(store: PartitionStore, definitions: ReadonlyMap<string, EntityDefinition>) {
    this.#store = store
    this.#definitions = definitions
  }

  async load(fold: EntityFold, commands: readonly Command[]): Promise<void> {
    const { entities, ids } = fold.needs(commands)
    await Promise.all([
      findAnswers(this.#store.entities, this.#store.log, ids, ({ id, tag, event }) =>
        fold.answered(id, { tag, outcome: storedOutcome(event) }),
      ),
      this.#loadAll(fold, entities),
    ])
    await Promise.all(fold.unread(commands).map((unread) => this.#read(fold, unread)))
  }

  async #read(fold: EntityFold, unread: UnreadTrail): Promise<void> {
    const { name, key, from, to } = unread
    const trail = await this.#store.entities.trail(name, key, from, to)
    fold.read(unread, trail.map(decodeTrailEntry))
  }

  async loadEntities(fold: EntityFold, subjects: readonly Subject[]): Promise<void> {
    await this.#loadAll(fold, fold.needsOf(subjects))
  }

  async #loadAll(fold: EntityFold, entities: ReadonlyMap<string, readonly string[]>): Promise<void> {
    await Promise.all([...entities].map(([name, keys]) => this.#load(fold, name, keys)))
  }

  async #load(fold: EntityFold, name: string, keys: readonly string[]): Promise<void> {
    const definition = this.#definitions.get(name)!
    const found = await this.#store.entities.load(name, keys)
    for (const [i, stored] of found.entries()) {
      const key = keys[i]!
      if (stored.record === undefined && stored.length === 0) fold.loaded(name, key)
      else fold.loaded(name, key, await this.#heldOf(definition, key, stored), stored.record?.length ?? 0)
    }
  }

  async #heldOf(
    definition: EntityDefinition,
    key: string,
    { record: text, length }: StoredEntity,
  ): Promise<HeldEntity> {
    const record = text === undefined ? undefined : decodeRecord(text)
    if (record !== undefined && record.version === cutOf(record) + length && record.definition === definition.version) {
      return { kind: 'loaded', record: { ...record, state: deepFreeze(record.state) } }
    }
    const held = await this.#refolded(definition, key, record, length)
    // What stands in the indexes is what was stored, until the entity changes.
    return held.kind === 'broken' ? held : { ...held, record: { ...held.record, indexed: record?.indexed ?? {} } }
  }

  /** @throws BusUnavailable */
  async #refolded(
    definition: EntityDefinition,
    key: string,
    stored: EntityRecord | undefined,
    length: number,
  ): Promise<HeldEntity> {
    let record: EntityRecord | undefined
    for (let from = 0; from < length || record === undefined; from += PAGE) {
      const page = await this.#store.entities.trail(definition.name, key, from, Math.min(length, from + PAGE))
      try {
        record ??= beginWithin(definition, stored, withinTimeLimit)
        record = await foldSlices(definition, key, record, page.map(decodeTrailEntry), IN_SLICES)
      } catch (error) {
        const known = { ...newRecord(definition), ...stored, version: cutOf(stored) + length }
        return { kind: 'broken', error, record: known }
      }
    }
    return { kind: 'loaded', record }
  }
}
