import { type EventBody, findAnswers, type StoredEntity } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
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
import { SharedLimit } from '../shared-limit.ts'
import { IN_SLICES, withinTimeLimit } from '../time-limit.ts'
import type { PartitionStore } from './partition-store.ts'

/** Of all partitions of the process: trails that are folded at the same time run under one limit. */
const SLICING = { ...IN_SLICES, limited: new SharedLimit(withinTimeLimit).run }
/** Entities whose trails are read and folded at once: each takes a way to Redis and back, or more. */
const TOGETHER = 32
/** Trails of so many events at most are read in one call. */
const SHORT = 100

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
      findAnswers(this.#store.entities, this.#store.answersLog, ids, ({ id, tag, event }) =>
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
    const read: ReadEntity[] = []
    for (const [i, stored] of found.entries()) {
      if (stored.record === undefined && stored.length === 0) fold.loaded(name, keys[i]!)
      else read.push(readEntity(definition, keys[i]!, stored))
    }
    const held = await this.#heldAll(definition, read)
    for (const [i, entity] of held.entries()) {
      const { key, stored } = read[i]!
      fold.loaded(name, key, entity, stored.record?.length ?? 0)
    }
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
    const read = stored.map((entity, i) => readEntity(definition, keys[i]!, entity, isRefolded))
    const held = await this.#heldAll(definition, read, isInTime)
    return held.map((entity, i) => {
      const { key, record } = read[i]!
      return { key, stored: record, held: entity, shown: shownOf.get(key) }
    })
  }

  /** @param goesOn asked between parts @returns those loaded before it said no */
  async #heldAll(definition: EntityDefinition, all: readonly ReadEntity[], goesOn = () => true): Promise<HeldEntity[]> {
    const held: HeldEntity[] = []
    while (held.length < all.length && (held.length === 0 || goesOn())) {
      const part = all.slice(held.length, held.length + TOGETHER)
      const short = part.filter(({ isPresent, fault, stored }) => !isPresent && !fault && stored.length <= SHORT)
      const trails = await this.#trails(definition.name, short)
      held.push(...(await Promise.all(part.map((entity) => this.#heldOf(definition, entity, trails.get(entity))))))
    }
    return held
  }

  /** Of those that one call holds. */
  async #trails(name: string, short: readonly ReadEntity[]): Promise<ReadonlyMap<ReadEntity, readonly string[]>> {
    if (short.length < 2) return new Map()
    const trails = await this.#store.entities.trails(
      name,
      short.map(({ key }) => key),
    )
    return new Map(trails.map((trail, i) => [short[i]!, trail]))
  }

  async #heldOf(
    definition: EntityDefinition,
    { key, stored, record, fault, isPresent }: ReadEntity,
    trail: readonly string[] | undefined,
  ): Promise<HeldEntity> {
    if (fault !== undefined) return unreadable(definition, fault, stored.length)
    if (isPresent) return { kind: 'loaded', record: { ...record!, state: deepFreeze(record!.state) } }
    const { entities } = this.#store
    const read = async (from: number, to: number) =>
      (trail?.slice(from, to) ?? (await entities.trail(definition.name, key, from, to))).map(decodeTrailEntry)
    try {
      const folded = await foldStored(definition, key, { record, end: stored.length, read }, SLICING)
      if (folded.kind === 'broken') {
        const known = { ...newRecord(definition), ...record, version: cutOf(record) + stored.length }
        return { kind: 'broken', error: folded.error, record: known }
      }
      // The indexes have what was stored, until the entity changes.
      return { kind: 'loaded', record: { ...folded.record, indexed: record?.indexed ?? {} } }
    } catch (error) {
      return unreadable(definition, error, stored.length)
    }
  }
}

/** An entity as it is stored. */
interface ReadEntity {
  readonly key: string
  readonly stored: StoredEntity
  /** Absent where there is none, or nobody can read it. */
  readonly record: EntityRecord | undefined
  /** Why nobody can. */
  readonly fault: SyntaxError | undefined
  /** Whether the record is what the definition makes of the trail: else it is folded. */
  readonly isPresent: boolean
}

/** @param isRefolded whether it is folded in any case */
function readEntity(definition: EntityDefinition, key: string, stored: StoredEntity, isRefolded = false): ReadEntity {
  try {
    const record = stored.record === undefined ? undefined : decodeRecord(stored.record)
    const isPresent =
      !isRefolded && record?.version === cutOf(record) + stored.length && record.definition === definition.version
    return { key, stored, record, fault: undefined, isPresent }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { key, stored, record: undefined, fault: error, isPresent: false }
  }
}

/** An entity whose stored state cannot be read is set aside, and the others of its partition continue. @throws other errors */
function unreadable(definition: EntityDefinition, error: unknown, version: number): HeldEntity {
  if (!(error instanceof SyntaxError)) throw error
  return { kind: 'broken', error, record: { ...newRecord(definition), version } }
}
