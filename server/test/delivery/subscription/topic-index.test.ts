import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { ALL_KEYS, narrowed } from '../../../src/access/index.ts'
import { type Indexed, TopicIndex } from '../../../src/delivery/subscription/topic-index.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import { LANE_INDEXES } from '../../../src/delivery/wire/lanes.ts'
import { openFilter } from '../../../src/filter/index.ts'
import { laneOf } from '../model-node.ts'
import { recordBatch } from '../support.ts'

interface Event {
  readonly id: string
  readonly key: string
  readonly lane: number
}

/** Filters and what they say. */
const FILTERS: readonly (readonly [text: string, says: (event: Event) => boolean])[] = [
  ['key in ["a", "c"]', ({ key }) => key === 'a' || key === 'c'],
  ["!(key=='a') && time == 1", ({ key }) => key !== 'a'],
  ['id >= "3" && has(data)', ({ id }) => id >= '3'],
  ['has(source) || data.x == 1', () => false],
]

const key = fc.constantFrom('a', 'b', 'c', 'd')
const spec = fc.record({
  topics: fc.subarray(['t.one', 't.two'], { minLength: 1 }),
  keys: fc.option(fc.uniqueArray(key, { minLength: 1 }), { nil: undefined }),
  lanes: fc.subarray([...LANE_INDEXES], { minLength: 1 }),
  filter: fc.option(fc.constantFrom(...FILTERS), { nil: undefined }),
})
const events = fc
  .array(fc.tuple(key, fc.nat({ max: 2 })), { minLength: 1, maxLength: 10 })
  .map((each) => each.map(([k, lane], i): Event => ({ id: `${i}`, key: k, lane })))

function entryOf(list: readonly Event[]): Entry {
  const batch = recordBatch(list.map(({ id, key: k, lane }) => ({ id, key: k, lane: laneOf(lane) })))
  return new Entry(0, {
    topic: 't.one',
    streamId: '1-0',
    epoch: 'e',
    refused: undefined,
    watermark: undefined,
    ...batch,
  })
}

const scopeOfKeys = (keys: ReadonlySet<string> | undefined) => ({
  scope: narrowed(ALL_KEYS, keys),
  narrower: undefined,
})

function planOf({ topics, keys, lanes, filter }: typeof spec extends fc.Arbitrary<infer T> ? T : never): Indexed {
  return {
    plan: {
      topics,
      ...scopeOfKeys(keys && new Set<string>(keys)),
      lanes: [lanes.includes(0), lanes.includes(1), lanes.includes(2)],
      filter: filter && openFilter(filter[0]),
    },
  }
}

function raise(_: unknown, error: unknown): never {
  throw error
}

describe('topic index', () => {
  it('D-INDEX-2 D-FILTER-6 offers each subscription exactly the events of its topics, keys, lanes and filter', () => {
    fc.assert(
      fc.property(
        fc.array(spec, { maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        events,
        fc.boolean(),
        (specs, removed, list, encodedBefore) => {
          const index = new TopicIndex<Indexed>()
          const subscriptions = specs.map((each) => ({ each, indexed: planOf(each) }))
          for (const { indexed } of subscriptions) index.add(indexed)
          const left = subscriptions.filter(({ indexed }, i) => {
            if (removed[i]) index.remove(indexed)
            return !removed[i]
          })
          const entry = entryOf(list)
          if (encodedBefore) expect(entry.encoded.starts).toHaveLength(list.length + 1)
          const got = new Map<object, number[]>()
          index.route(
            entry,
            (s, lane, picks) => {
              expect(picks.length).toBeGreaterThan(0)
              for (const pick of picks) expect(list[pick]!.lane).toBe(lane)
              got.set(s, [...(got.get(s) ?? []), ...picks])
            },
            raise,
          )
          for (const { each, indexed } of left) {
            const expected = list.filter(
              (event) =>
                each.topics.includes('t.one') &&
                (each.keys?.includes(event.key as 'a') ?? true) &&
                each.lanes.includes(event.lane as 0) &&
                (each.filter?.[1](event) ?? true),
            )
            expect((got.get(indexed) ?? []).sort((a, b) => a - b)).toEqual(expected.map(({ id }) => Number(id)))
            got.delete(indexed)
          }
          expect(got.size).toBe(0)
        },
      ),
    )
  })

  it('D-FILTER-7 parses an event once for all filters, and not at all for key and time', () => {
    const list = ['a', 'b', 'c'].map((k, i) => ({ id: `${i}`, key: k, lane: 1 }))
    const parsedBy = (...filters: string[]) => {
      const index = new TopicIndex<Indexed>()
      for (const [i, text] of filters.entries()) {
        const filter = openFilter(text)
        const keys = i % 2 === 0 ? undefined : new Set(['a', 'b'])
        index.add({ plan: { topics: ['t.one'], ...scopeOfKeys(keys), lanes: [true, true, true], filter } })
      }
      const entry = entryOf(list)
      const parsed = vi.spyOn(entry, 'jsonOf')
      index.route(entry, () => {}, raise)
      return parsed.mock.calls.map(([event]) => event).sort()
    }
    expect(parsedBy('key == "a"', 'time >= 1 && key != "b"')).toEqual([])
    expect(parsedBy('has(data)', 'id == "1"', 'data.x > 1', 'has(data)')).toEqual([0, 1, 2])
    expect(parsedBy('key == "a" && has(data)', 'key == "b" && has(data)')).toEqual([0, 1])
  })

  it('D-FILTER-7 runs a filter once for all who have it', () => {
    const index = new TopicIndex<Indexed>()
    const matches = vi.fn(() => true)
    for (let i = 0; i < 100; i++) {
      const filter = { text: 'has(key)', terms: 1, fields: [], matches }
      index.add({ plan: { topics: ['t.one'], ...scopeOfKeys(undefined), lanes: [true, true, true], filter } })
    }
    const offered = new Set<object>()
    index.route(entryOf([{ id: '0', key: 'a', lane: 1 }]), (_, __, picks) => offered.add(picks), raise)
    expect(matches).toHaveBeenCalledTimes(1)
    expect(offered.size).toBe(1)
  })
})
