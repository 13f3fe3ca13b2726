import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { Builds, LookCounts } from './builds.ts'
import type { HeldEntity } from './entity-book.ts'
import type { EntityChanges } from './entity-changes.ts'
import { type FoundEntity, type Rebuilt, rebuilt } from './rebuild.ts'
import type { Limited } from './slices.ts'

/** Entities of a rebuild that fail and are noted, about: what one fails on, many do. */
const MAX_NOTED = 20

/** What a rebuild changes, and what it needs. */
export interface RebuildTarget {
  readonly limited: Limited
  /** Redis' clock, ms. */
  readonly now: () => number
  readonly incident: (what: string, error: unknown) => string
  readonly builds: Builds
  readonly changes: EntityChanges
  /** Keeps an entity in memory until what changes of it is stored. */
  readonly hold: (name: string, key: string, entity: HeldEntity) => void
}

/** Collects what is to be stored of some entities. @returns `undefined` where several were ended by the time limit */
export function rebuildEntities(
  definition: EntityDefinition,
  entities: readonly FoundEntity[],
  target: RebuildTarget,
): LookCounts | undefined {
  const now = target.now()
  let results: Rebuilt[] = []
  const isOver = target.limited(() => {
    results = entities.map((entity) => rebuilt(definition, entity, now))
  })
  if (!isOver && entities.length > 1) return undefined
  const counts = { seen: entities.length, written: 0, failed: 0 }
  for (const [i, entity] of entities.entries()) {
    const result = isOver ? results[i]! : ENDLESS
    if (result.kind === 'changed') counts.written++
    if (result.kind === 'failed') counts.failed++
    collect(definition, entity, result, target)
  }
  return counts
}

const ENDLESS: Rebuilt = { kind: 'failed', error: new Error('it did not return in time') }

function collect(
  definition: EntityDefinition,
  { key, stored, held }: FoundEntity,
  result: Rebuilt,
  { builds, changes, incident, hold }: RebuildTarget,
): void {
  const { name } = definition
  switch (result.kind) {
    case 'right':
      return
    case 'changed': {
      const { kind: _, ...update } = result
      changes.rebuild(definition, key, held.record, { ...update, edition: `~${builds.runOf(name)}` })
      return hold(name, key, { kind: 'loaded', record: result.record })
    }
    case 'failed': {
      if (builds.failedOf(name) < MAX_NOTED) incident(`rebuild of ${name} ${JSON.stringify(key)}`, result.error)
      if (stored === undefined || Object.keys(stored.indexed).length === 0) return
      // What it is found by is not known.
      changes.rebuild(definition, key, held.record, { record: { ...stored, indexed: {} }, isStale: true })
      return hold(name, key, { ...held, record: { ...held.record, indexed: {} } })
    }
  }
}
