import type { EntityRecord } from './entity-record.ts'

/** One entity in memory. */
export type HeldEntity =
  | { readonly kind: 'loaded'; readonly record: EntityRecord }
  /** Its trail could not be folded. Of the record all is known but the state. */
  | { readonly kind: 'broken'; readonly error: unknown; readonly record: EntityRecord }

/** Commands whose events an entity has and whose answers may be forgotten. */
export interface EntityPast {
  /** From when on answers were known when the trail was read. */
  readonly since: number
  /** Command id -> version of the entity with its last event. */
  readonly versions: ReadonlyMap<string, number>
}

interface Held {
  entity: HeldEntity
  /** Absent until the trail was read. */
  past: EntityPast | undefined
  /** Characters of its record, and of its past. */
  recordSize: number
  pastSize: number
  /** The last commit that changes it, by number; 0 for none that is not stored. */
  commit: number
}

/** Memory of a record beside its text: the map, the objects, the key. */
const OVERHEAD = 500

/**
 * The entities that a partition's owner holds in memory, least recently used first. What a commit that is not answered yet has
 * changed stays whatever the budget says: what is stored may be older.
 */
export class EntityBook {
  readonly #budget: number
  readonly #held = new Map<string, Held>()
  #size = 0

  /** @param budget characters of records, about bytes */
  constructor(budget: number) {
    this.#budget = budget
  }

  has(name: string, key: string): boolean {
    return this.#held.has(placeOf(name, key))
  }

  /** MUST be held. It becomes the most recently used. */
  get(name: string, key: string): HeldEntity {
    const place = placeOf(name, key)
    const held = this.#held.get(place)
    if (held === undefined) throw new Error(`${name} ${JSON.stringify(key)} was not loaded`)
    this.#held.delete(place)
    this.#held.set(place, held)
    return held.entity
  }

  /** @param size characters of its record @param commit that changes it; 0 for what was loaded */
  set(name: string, key: string, entity: HeldEntity, { size, commit }: { size: number; commit: number }): void {
    const place = placeOf(name, key)
    const recordSize = size + OVERHEAD
    const held = this.#held.get(place)
    this.#size += recordSize - (held?.recordSize ?? 0)
    if (held === undefined) this.#held.set(place, { entity, past: undefined, recordSize, pastSize: 0, commit })
    else {
      held.entity = entity
      held.recordSize = recordSize
      held.commit = commit
    }
  }

  past(name: string, key: string): EntityPast | undefined {
    return this.#held.get(placeOf(name, key))?.past
  }

  /** @param past of an entity that is held */
  setPast(name: string, key: string, past: EntityPast): void {
    const held = this.#held.get(placeOf(name, key))!
    const pastSize = sizeOf(past)
    this.#size += pastSize - held.pastSize
    held.past = past
    held.pastSize = pastSize
  }

  /** Forgets the least recently used beyond the budget, except what a commit after `stored` changes. */
  evict(stored: number): void {
    if (this.#size <= this.#budget) return
    for (const [place, { recordSize, pastSize, commit }] of this.#held) {
      if (commit > stored) continue
      this.#held.delete(place)
      this.#size -= recordSize + pastSize
      if (this.#size <= this.#budget) return
    }
  }
}

/** Memory of an entry of a map beside its text. */
const PAST_OVERHEAD = 50

function sizeOf(past: EntityPast): number {
  let size = 0
  for (const id of past.versions.keys()) size += id.length + PAST_OVERHEAD
  return size
}

/** Names hold no `\0`. */
export function placeOf(name: string, key: string): string {
  return `${name}\0${key}`
}
