import { describe, expect, test } from 'vitest'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import { Builds, keepAge } from '../../src/entities/index.ts'
import { definition } from './counter.ts'

const shown: EntityDefinition = { ...definition, publishes: new Set(['state', 'events']), view: (state) => state }

/** A partition's builds with so many counters, as the commits of others before left them. */
function open(changed: Partial<EntityDefinition> = {}, stored: readonly (readonly [string, string])[] = [], total = 5) {
  return new Builds(new Map([['counter', { ...shown, ...changed }]]), stored, new Map([['counter', total]]))
}

function take(builds: Builds): (readonly [string, string])[] {
  return builds.take().flatMap((operation) => (operation.op === 'set' ? operation.fields : []))
}

/** What is stored once all of them were looked at. */
function finish(builds: Builds) {
  const look = builds.next(0)!
  builds.began(look, 5)
  builds.looked(look, { seen: 5, written: 3, failed: 1 })
  builds.ended(look, 0)
  return take(builds)
}

describe('builds', () => {
  test('E-REBUILD-1 E-REBUILD-3 what differs is rebuilt, and what it shows is emptied first', () => {
    const stored = finish(open())
    const after = (changed: Partial<EntityDefinition>) => {
      const builds = open(changed, stored)
      return [builds.outdated, builds.next(0) !== undefined]
    }
    expect(after({})).toEqual([[], false])
    expect(after({ view: () => ({}) })).toEqual([['counter.state'], true])
    expect(after({ publicOf: () => undefined })).toEqual([['counter.events'], false])
    expect(after({ view: undefined })).toEqual([['counter.state', 'counter.events'], true])
    expect(after({ indexes: new Map() })).toEqual([[], true])
    expect(after({ indexes: new Map([['label', () => undefined]]) })).toEqual([[], true])
    expect(after({ version: 3 })).toEqual([['counter.state'], true])
    expect(after({ publishes: new Set(['events']) })).toEqual([['counter.state'], false])
  })

  test('E-REBUILD-2 without entities nothing is to be done, and no commit is due for it', () => {
    const builds = open({}, [], 0)
    expect([builds.outdated, builds.next(0), builds.isUrgent]).toEqual([[], undefined, false])
    expect(JSON.parse(take(builds)[0]![1])).toMatchObject({ isDone: true })
  })

  test('E-REBUILD-2 the next owner begins anew, with what was written by then', () => {
    const builds = open()
    const look = builds.next(0)!
    builds.began(look, 5)
    builds.looked(look, { seen: 2, written: 2, failed: 0 })
    const next = open({}, take(builds))
    const again = next.next(0)!
    expect([again, next.outdated]).toEqual([look, []])
    next.began(again, 5)
    next.looked(again, { seen: 5, written: 1, failed: 0 })
    expect(next.ended(again, 0)).toMatchObject({ seen: 5, written: 3, isDone: true })
  })

  test('E-REBUILD-4 a rebuild by hand ends one that is under way, and is remembered by the next owner', () => {
    const builds = open()
    const look = builds.next(0)!
    builds.restart('counter')
    expect([builds.isOutdated(look), builds.ended(look, 0)]).toEqual([true, undefined])
    expect(open({}, take(builds)).next(0)).toMatchObject({ run: 2, isRefolded: true })
  })

  test('E-ON-6 histories of an age are looked at ten times in it', () => {
    const history = { kind: 'age', ms: 100_000 } as const
    const builds = open({ history }, finish(open()))
    expect(builds.next(10_000)).toMatchObject({ name: 'counter', isRefolded: false })
    builds.ended(builds.next(10_000)!, 10_000)
    expect([builds.dueInMs(10_000), builds.next(19_999), builds.dueInMs(20_000)]).toEqual([10_000, undefined, 0])
    // Redis' clock was set back.
    expect(builds.dueInMs(5_000)).toBe(0)
  })

  test('E-ON-6 what is older than the history goes: up to the next checkpoint, or all of it', () => {
    const history = { kind: 'age', ms: 100 } as const
    const state = { n: 1, label: '' }
    const next = { version: 3, time: 200, state: { n: 3 } }
    const record = { version: 5, time: 300, definition: 2, state, indexed: {}, next }
    const present = { version: 5, time: 300, state }
    expect(keepAge(history, record, 299)).toBe(record)
    expect(keepAge(history, record, 300)).toEqual({ ...record, base: next, next: present })
    const cut = keepAge(history, record, 400)
    expect(cut).toEqual({ ...record, base: present, next: present })
    expect(keepAge(history, cut, 1_000)).toBe(cut)
  })
})
