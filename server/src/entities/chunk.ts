import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { Effect } from './effect.ts'
import type { HeldEntity } from './entity-book.ts'
import type { EntityRecord } from './entity-record.ts'
import { newRecord } from './fold-events.ts'

/** What runs under one time limit, at most: setting it costs more than most handlers take. */
export const MAX_CHUNK = 64

/** What a chunk has made of entities so far. */
export type Overlay = Map<HeldEntity, EntityRecord>

/** What running on an entity came to. */
export interface Run {
  /** The entity as it was found. */
  readonly before: EntityRecord
  readonly effect: Effect
}

/** Runs something on an entity as the chunk has left it. */
export function runOn(
  definition: EntityDefinition,
  held: HeldEntity,
  overlay: Overlay,
  run: (before: EntityRecord) => Effect,
): Run {
  const before = overlay.get(held)
  if (before === undefined && held.kind === 'broken') return failed(definition, held.error, held.record)
  return runAnyhow(held, overlay, run)
}

/** The same where it does not matter whether the state could be loaded. */
export function runAnyhow(held: HeldEntity, overlay: Overlay, run: (before: EntityRecord) => Effect): Run {
  const before = overlay.get(held) ?? held.record
  const effect = run(before)
  if (effect.kind !== 'rejected' && effect.kind !== 'failed') overlay.set(held, effect.record)
  return { before, effect }
}

/** @param before as far as it is known */
export function failed(definition: EntityDefinition, error: unknown, before = newRecord(definition)): Run {
  return { before, effect: { kind: 'failed', error } }
}

/** Some items that run one after the other, each on what the ones before made of it. */
export interface Chunk<Result> {
  /** Runs them. It may be ended anywhere, and run again. */
  readonly body: () => void
  /** What they came to, once `body` has returned. */
  readonly results: () => readonly Result[]
}

export function chunkOf<Item, Result>(
  items: readonly Item[],
  run: (item: Item, overlay: Overlay) => Result,
): Chunk<Result> {
  let results: Result[] = []
  const body = () => {
    const overlay: Overlay = new Map()
    results = []
    for (const item of items) results.push(run(item, overlay))
  }
  return { body, results: () => results }
}
