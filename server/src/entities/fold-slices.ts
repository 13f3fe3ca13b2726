import type { EntityDefinition } from '../config/entity-model.ts'
import type { EntityRecord, TrailEntry } from './entity-record.ts'
import { beginOf, foldEvent } from './fold-events.ts'

/** What a slice should take: whatever else the process does waits no longer. */
const SLICE_MS = 5
const FIRST_COUNT = 64
/** A slice is at most so many times as large as the one before, which may have been quick by chance. */
const GROWTH = 4

/** Runs code of the application under a time limit, perhaps more than once. @returns false where it was ended */
export type Limited = (body: () => void) => boolean

export interface Slicing {
  readonly limited: Limited
  /** Lets whatever else the process does have its turn. */
  readonly pause: () => Promise<unknown>
}

/** What a trail begins with. @param stored its record @throws what `beginOf` throws, and where it does not return */
export function beginWithin(
  definition: EntityDefinition,
  stored: EntityRecord | undefined,
  limited: Limited,
): EntityRecord {
  let begin: EntityRecord | undefined
  const isOver = limited(() => {
    begin = beginOf(definition, stored)
  })
  if (!isOver || begin === undefined) throw new Error(`${definition.name}.migrate did not return in time`)
  return begin
}

/**
 * The record with some more events, folded in slices under a time limit. Of a slice that is ended, events are folded one by
 * one: each has the limit for itself.
 *
 * @throws what `foldEvent` throws, and where it does not return
 */
export async function foldSlices(
  definition: EntityDefinition,
  key: string,
  record: EntityRecord,
  entries: readonly TrailEntry[],
  { limited, pause }: Slicing,
): Promise<EntityRecord> {
  let folded = record
  let count = FIRST_COUNT
  let oneByOneUntil = 0
  for (let from = 0; from < entries.length; ) {
    if (from > 0) await pause()
    if (from < oneByOneUntil) count = 1
    const slice = entries.slice(from, from + count)
    const startedAt = performance.now()
    let after = folded
    const isOver = limited(() => {
      after = slice.reduce((before, entry) => foldEvent(definition, key, before, entry), folded)
    })
    if (isOver) {
      folded = after
      from += slice.length
      const fitting = Math.floor((count * SLICE_MS) / Math.max(0.1, performance.now() - startedAt))
      count = Math.max(1, Math.min(count * GROWTH, fitting))
    } else if (slice.length === 1) {
      throw new Error(`${definition.name}.evolve.${slice[0]!.type} did not return in time`)
    } else {
      oneByOneUntil = from + slice.length
    }
  }
  return folded
}
