import { findAnswers, type StoredEntity } from '../bus/index.ts'
import type { EntityDefinition } from '../config/entity-model.ts'
import {
  type Command,
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  deepFreeze,
  type EntityFold,
  foldStored,
  type HeldEntity,
  newRecord,
  type Subject,
  storedOutcome,
  type UnreadTrail,
} from '../entities/index.ts'
import { IN_SLICES } from '../time-limit.ts'
import type { PartitionStore } from './partition-store.ts'

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
    const read = async (from: number, to: number) =>
      (await this.#store.entities.trail(definition.name, key, from, to)).map(decodeTrailEntry)
    const folded = await foldStored(definition, key, { record, end: length, read }, IN_SLICES)
    if (folded.kind === 'broken') {
      const known = { ...newRecord(definition), ...record, version: cutOf(record) + length }
      return { kind: 'broken', error: folded.error, record: known }
    }
    // What stands in the indexes is what was stored, until the entity changes.
    return { kind: 'loaded', record: { ...folded.record, indexed: record?.indexed ?? {} } }
  }
}
