import { type EventBody, findAnswers, type StoredEntity } from '../bus/index.ts'
import type { EntityDefinition } from '../config/entity-model.ts'
import {
  type Command,
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  deepFreeze,
  type EntityFold,
  type EntityRecord,
  type FoundEntity,
  foldStored,
  type HeldEntity,
  newRecord,
  type Subject,
  storedOutcome,
  type UnreadTrail,
} from '../entities/index.ts'
import { IN_SLICES } from '../time-limit.ts'
import type { PartitionStore } from './partition-store.ts'

/** Entities whose trails are read at once: each takes a way to Redis and back, or more. */
const TOGETHER = 16

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
    try {
      fold.read(unread, trail.map(decodeTrailEntry))
    } catch (error) {
      fold.loaded(name, key, unreadable(this.#definitions.get(name)!, error, to))
    }
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
    await together(found, async (stored, i) => {
      const key = keys[i]!
      if (stored.record === undefined && stored.length === 0) fold.loaded(name, key)
      else fold.loaded(name, key, await this.#heldOf(definition, key, stored), stored.record?.length ?? 0)
    })
  }

  /**
   * Some entities as they are stored, for a rebuild. Not those that come when it is past a time, but the first ones.
   *
   * @param isRefolded whether they are folded from their trails, also where their states are of the present definition
   */
  async found(name: string, keys: readonly string[], isRefolded: boolean, until: number): Promise<FoundEntity[]> {
    const definition = this.#definitions.get(name)!
    const [stored, shown] = await Promise.all([
      this.#store.entities.load(name, keys),
      definition.publishes.has('state') ? this.#store.results.of(`${name}.state`, keys) : [],
    ])
    const shownOf = new Map(shown.map(({ key, json }) => [key, JSON.stringify((JSON.parse(json) as EventBody).data)]))
    const isInTime = () => performance.now() <= until
    return together(
      stored,
      async (entity, i) => {
        const key = keys[i]!
        const held = await this.#heldOf(definition, key, entity, isRefolded)
        return { key, stored: readable(entity.record), held, shown: shownOf.get(key) }
      },
      isInTime,
    )
  }

  async #heldOf(
    definition: EntityDefinition,
    key: string,
    stored: StoredEntity,
    isRefolded = false,
  ): Promise<HeldEntity> {
    try {
      return await this.#readHeld(definition, key, stored, isRefolded)
    } catch (error) {
      return unreadable(definition, error, stored.length)
    }
  }

  /** @throws SyntaxError */
  async #readHeld(
    definition: EntityDefinition,
    key: string,
    { record: text, length }: StoredEntity,
    isRefolded: boolean,
  ): Promise<HeldEntity> {
    const record = text === undefined ? undefined : decodeRecord(text)
    const isPresent = record?.version === cutOf(record) + length && record.definition === definition.version
    if (isPresent && !isRefolded) {
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

/** Does it for items, some at once and in their order, as long as it goes on. @returns what it came to for those it was done for */
async function together<Item, Result>(
  items: readonly Item[],
  body: (item: Item, i: number) => Promise<Result>,
  goesOn = () => true,
): Promise<Result[]> {
  const results: Result[] = []
  while (results.length < items.length && (results.length === 0 || goesOn())) {
    const from = results.length
    results.push(...(await Promise.all(items.slice(from, from + TOGETHER).map((item, i) => body(item, from + i)))))
  }
  return results
}

/** Nobody can read what is stored of an entity: it is put aside, and the others of its partition go on. @throws other errors */
function unreadable(definition: EntityDefinition, error: unknown, version: number): HeldEntity {
  if (!(error instanceof SyntaxError)) throw error
  return { kind: 'broken', error, record: { ...newRecord(definition), version } }
}

function readable(text: string | undefined): EntityRecord | undefined {
  try {
    return text === undefined ? undefined : decodeRecord(text)
  } catch {
    return undefined
  }
}
