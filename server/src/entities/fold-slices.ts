import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { cutOf, type EntityRecord, type TrailEntry } from './entity-record.ts'
import { beginOf, foldEvent } from './fold-events.ts'
import { inSlices, type LimitedLater, SliceSize, type Slicing } from './slices.ts'

/** Events of a trail that are read at a time: as many as one call has. */
const PAGE = 1_000

/** What folding came to. */
export type Folded =
  | { readonly kind: 'folded'; readonly record: EntityRecord }
  /** `version` is the one that could not be reached, or that of the checkpoint which could not be migrated. */
  | { readonly kind: 'broken'; readonly version: number; readonly error: unknown }

/** A trail that is read in pages. */
export interface TrailPages {
  /** What is stored beside it. */
  readonly record: EntityRecord | undefined
  /** Place behind the last event that is of interest. */
  readonly end: number
  /** Events `[from, to)`; fewer where there are no more. What it rejects with rejects the fold. */
  readonly read: (from: number, to: number) => Promise<readonly TrailEntry[]>
}

/** The entity as its stored trail makes it, page by page, in slices under a time limit. The next page is read meanwhile. */
export async function foldStored(
  definition: EntityDefinition,
  key: string,
  { record, end, read }: TrailPages,
  slicing: Slicing,
): Promise<Folded> {
  const size = new SliceSize()
  const readPage = (from: number) => {
    const page = read(from, Math.min(end, from + PAGE))
    // It may never be waited for.
    page.catch(() => {})
    return page
  }
  let next = end > 0 ? readPage(0) : undefined
  let folded = await beginWithin(definition, record, slicing.limited)
  for (let from = 0; next !== undefined && folded.kind === 'folded'; from += PAGE) {
    const entries = await next
    next = entries.length === PAGE && from + PAGE < end ? readPage(from + PAGE) : undefined
    folded = await foldSlices(definition, key, folded.record, entries, slicing, size)
  }
  return folded
}

async function beginWithin(
  definition: EntityDefinition,
  stored: EntityRecord | undefined,
  limited: LimitedLater,
): Promise<Folded> {
  let begin: EntityRecord | undefined
  try {
    const isOver = await limited(() => {
      begin = beginOf(definition, stored)
    })
    if (isOver && begin !== undefined) return { kind: 'folded', record: begin }
    throw new Error(`${definition.name}.migrate did not return in time`)
  } catch (error) {
    return { kind: 'broken', version: cutOf(stored), error }
  }
}

/** The record with some more events. */
export async function foldSlices(
  definition: EntityDefinition,
  key: string,
  record: EntityRecord,
  entries: readonly TrailEntry[],
  slicing: Slicing,
  size?: SliceSize,
): Promise<Folded> {
  let folded = record
  const run = (slice: readonly TrailEntry[]) =>
    slice.reduce((before, entry) => foldEvent(definition, key, before, entry), folded)
  const endless = ({ type }: TrailEntry) => new Error(`${definition.name}.evolve.${type} did not return in time`)
  try {
    for await (const after of inSlices(entries, run, endless, slicing, size)) folded = after
  } catch (error) {
    return { kind: 'broken', version: folded.version + 1, error }
  }
  return { kind: 'folded', record: folded }
}
