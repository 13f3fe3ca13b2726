import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { type SeenState, seenOf } from './effect.ts'
import type { HeldEntity } from './entity-book.ts'
import { type EntityRecord, encodeRecord } from './entity-record.ts'
import { isErased } from './erase.ts'
import { keepAge } from './keep-history.ts'

/** The command that has the entities of a partition rebuilt. No declared command has such a name, so no client can send it. */
export const REBUILD = '~rebuild'

/** An entity as it is stored, and as the present definition has it. */
export interface FoundEntity {
  readonly key: string
  /** Absent where there is only a trail. */
  readonly stored: EntityRecord | undefined
  /** The indexes have what is stored. */
  readonly held: HeldEntity
  /** Data of its latest published state, as JSON; absent where there is none. */
  readonly shown: string | undefined
}

export type Rebuilt =
  /** The stored state is as it should be. */
  | { readonly kind: 'right' }
  /** `viewJson` is there where another one is published. */
  | ({ readonly kind: 'changed' } & SeenState)
  | { readonly kind: 'failed'; readonly error: unknown }

/** What is to be stored of an entity. Never throws. @param now Redis' clock */
export function rebuilt(definition: EntityDefinition, { stored, held, shown }: FoundEntity, now: number): Rebuilt {
  if (held.kind === 'broken') return { kind: 'failed', error: held.error }
  try {
    const seen = isErased(held.record)
      ? { kind: 'seen' as const, record: { ...held.record, indexed: {} } }
      : seenOf(definition, held.record)
    if (seen.kind === 'rejected') return { kind: 'failed', error: new Error(seen.message) }
    const { stateJson, viewJson }: Partial<SeenState> = seen
    const record = keepAge(definition.history, seen.record, now)
    const isShown = viewJson === undefined || shown === shownState(record.version, viewJson)
    const isStored = stored !== undefined && encodeRecord(record, stateJson) === encodeRecord(stored)
    if (isShown && isStored) return { kind: 'right' }
    return { kind: 'changed', record, stateJson, ...(!isShown && { viewJson }) }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/** Data of an event of `<name>.state`. */
export function shownState(version: number, viewJson: string): string {
  return `{"version":${version},"state":${viewJson}}`
}
