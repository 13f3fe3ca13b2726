import { describe, expect, test } from 'vitest'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import { foldSlices, foldStored, foldTrail, newRecord, type TrailEntry } from '../../src/entities/index.ts'
import { IN_SLICES, withinTimeLimit } from '../../src/time-limit.ts'
import { definition } from './counter.ts'

const trail: readonly TrailEntry[] = Array.from({ length: 1_000 }, (_, n) => ({
  type: 'added',
  definition: 2,
  data: { n },
  time: n,
  commandId: `c${n}`,
}))

/** The counter, but for what folds its event `added`. */
function folding(evolve: (state: object, data: unknown, n: number) => unknown): EntityDefinition {
  const added = definition.events.get('added')!
  const replaced = {
    ...added,
    evolve: (state: object, data: unknown) => evolve(state, data, (data as { n: number }).n),
  }
  return { ...definition, events: new Map([...definition.events, ['added', replaced]]) }
}

describe('fold slices', () => {
  test('E-STORE-4 a trail is folded in slices of some milliseconds, to what it is folded to at once', async () => {
    let slices = 0
    const limited = (body: () => void) => {
      slices++
      return withinTimeLimit(body)
    }
    const { evolve } = definition.events.get('added')!
    const slow = folding((state, data) => {
      for (const endsAt = performance.now() + 0.2; performance.now() < endsAt; );
      return evolve(state, data, {})
    })
    const folded = await foldSlices(slow, 'a', newRecord(definition), trail, { ...IN_SLICES, limited })
    expect(folded).toEqual({ kind: 'folded', record: { ...foldTrail(definition, 'a', trail), indexed: {} } })
    expect(slices).toBeGreaterThan(15)
  })

  test('E-STORE-4 an event that does not return ends the fold, and so does one that throws', async () => {
    const startedAt = performance.now()
    const stuck = folding((state, _data, n) => {
      if (n === 700) for (;;);
      return state
    })
    expect(await foldSlices(stuck, 'a', newRecord(stuck), trail, IN_SLICES)).toEqual({
      ...{ kind: 'broken', version: 701 },
      error: new Error('counter.evolve.added did not return in time'),
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    const throwing = folding((state, _data, n) => {
      if (n === 30) throw new Error('no')
      return state
    })
    expect(await foldSlices(throwing, 'a', newRecord(throwing), trail, IN_SLICES)).toEqual({
      ...{ kind: 'broken', version: 31 },
      error: new Error('no'),
    })
  })

  test('E-STORE-4 of a slice that is ended every event has the limit for itself', async () => {
    let passes = 0
    const limited = (body: () => void) => {
      passes++
      body()
      return passes > 1
    }
    const ten = trail.slice(0, 10)
    const folded = await foldSlices(definition, 'a', newRecord(definition), ten, { ...IN_SLICES, limited })
    expect(folded).toMatchObject({ kind: 'folded', record: { version: 10 } })
    expect(passes).toBe(11)
  })

  test('E-STORE-5 what a later version has stored is not folded, nor is a state of it migrated', async () => {
    const later = { ...trail[0]!, definition: 3 }
    const folded = await foldSlices(definition, 'a', newRecord(definition), [trail[0]!, later], IN_SLICES)
    expect(folded).toMatchObject({
      kind: 'broken',
      version: 2,
      error: { message: expect.stringContaining('version 3') },
    })
    const base = { version: 1, time: 0, state: { n: 1 } }
    const record = { ...newRecord(definition), version: 1, definition: 3, base }
    const migrating = { ...definition, migrate: (state: object) => state }
    const pages = { record, end: 0, read: async () => [] }
    expect(await foldStored(migrating, 'a', pages, IN_SLICES)).toMatchObject({ kind: 'broken', version: 1 })
  })
})
