import { describe, expect, test } from 'vitest'
import { Builds, type FoundEntity, newRecord } from '../../src/entities/index.ts'
import { EntityWalk } from '../../src/own/entity-walk.ts'
import { WalkPace } from '../../src/own/walk-pace.ts'
import { definition } from '../entities/counter.ts'

const KEYS = ['a', 'b', 'c', 'd']

/** An owner looks at all of some counters, after another one has noted something. */
async function lookAtAll(suspect: string) {
  const builds = new Builds(new Map([['counter', definition]]), [], new Map([['counter', KEYS.length]]))
  const notes: string[] = []
  const passedOver: string[] = []
  const looks: string[][] = []
  const walk = new EntityWalk({
    fold: {
      builds,
      rebuild(_name, entities) {
        looks.push(entities.map(({ key }) => key))
        return { seen: entities.length, written: 0, failed: 0 }
      },
    },
    store: {
      entities: {
        count: async () => KEYS.length,
        scan: async () => ({ entities: KEYS.map((key) => ({ key, record: '' })), next: '0' }),
      },
    },
    loader: {
      found: async (_name, keys) =>
        keys.map((key): FoundEntity => {
          const record = newRecord(definition)
          return { key, stored: record, held: { kind: 'loaded', record }, shown: undefined }
        }),
    },
    ...{ pace: new WalkPace(), now: () => 0, hasRoom: () => true, suspect, onRebuilt: () => {} },
    inTurn: (body) => body(),
    note: async (note) => notes.push(note),
    onPassedOver: (_name, key) => passedOver.push(key),
  })
  while (builds.next(0) !== undefined) await walk.step()
  const [, written] = builds.take().flatMap((operation) => (operation.op === 'set' ? operation.fields : []))[0]!
  return { notes, passedOver, looks, failed: JSON.parse(written).failed }
}

describe('walk over entities', () => {
  test('E-REBUILD-7 those at which an owner ended are looked at alone, and the one at which two more ended is passed over', async () => {
    const first = await lookAtAll('~commands 1-0.0 1')
    expect([first.looks, first.passedOver, first.notes.at(-1)]).toEqual([[KEYS], [], ''])
    // It ended in the middle of `b`, `c`.
    const noteOf = (keys: string[], deaths: number) => `~walk ${JSON.stringify({ name: 'counter', keys, deaths })}`
    expect(first.notes[0]).toBe(noteOf(KEYS, 1))
    const second = await lookAtAll(noteOf(['b', 'c'], 1))
    expect(second.looks).toEqual([['a'], ['b'], ['c'], ['d']])
    expect(second.notes[1]).toBe(noteOf(['b'], 1))
    const third = await lookAtAll(second.notes[1]!)
    expect([third.looks, third.notes[1]]).toEqual([[['a'], ['b'], ['c', 'd']], noteOf(['b'], 2)])
    const fourth = await lookAtAll(third.notes[1]!)
    expect(fourth).toMatchObject({ looks: [['a'], ['c', 'd']], passedOver: ['b'], failed: 1 })
  })
})
