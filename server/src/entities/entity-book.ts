import type { EntityRecord } from './entity-record.ts'

/** One entity in memory. */
export type HeldEntity =
  | { readonly kind: 'loaded'; readonly record: EntityRecord }
  /** Its trail could not be folded. */
  | { readonly kind: 'broken'; readonly error: unknown }

interface Held {
  readonly entity: HeldEntity
  /** Characters of its record. */
  readonly size: number
  /** The last commit that changes it, by number; 0 for none that is not stored. */
  readonly commit: number
}

/** What a record takes beside its text: the map, the objects, the key. */
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
    this.#size -= this.#held.get(place)?.size ?? 0
    this.#held.delete(place)
    this.#held.set(place, { entity, size: size + OVERHEAD, commit })
    this.#size += size + OVERHEAD
  }

  /** Forgets the least recently used beyond the budget, except what a commit after `stored` changes. */
  evict(stored: number): void {
    if (this.#size <= this.#budget) return
    for (const [place, { size, commit }] of this.#held) {
      if (commit > stored) continue
      this.#held.delete(place)
      this.#size -= size
      if (this.#size <= this.#budget) return
    }
  }
}

/** Names hold no `\0`. */
export function placeOf(name: string, key: string): string {
  return `${name}\0${key}`
}
