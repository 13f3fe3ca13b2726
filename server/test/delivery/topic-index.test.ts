import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Entry } from '../../src/delivery/entry.ts'
import { TopicIndex } from '../../src/delivery/topic-index.ts'
import { laneOf } from './model-node.ts'
import { recordBatch } from './support.ts'

const key = fc.constantFrom('a', 'b', 'c', 'd')
const subscription = fc.record({
  topics: fc.subarray(['t.one', 't.two'], { minLength: 1 }),
  keys: fc.option(fc.uniqueArray(key, { minLength: 1 }), { nil: undefined }),
})

describe('topic index', () => {
  it('D-INDEX-2 offers each subscription exactly the events of its topics and keys', () => {
    fc.assert(
      fc.property(
        fc.array(subscription, { maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        fc.array(fc.tuple(key, fc.nat({ max: 2 })), { minLength: 1, maxLength: 12 }),
        (specs, removed, events) => {
          const index = new TopicIndex<{ plan: { topics: readonly string[]; keys: ReadonlySet<string> | undefined } }>()
          const subscriptions = specs.map(({ topics, keys }) => ({
            plan: { topics, keys: keys === undefined ? undefined : new Set<string>(keys) },
          }))
          for (const s of subscriptions) index.add(s)
          const left = subscriptions.filter((s, i) => {
            if (removed[i]) index.remove(s)
            return !removed[i]
          })
          const batch = recordBatch(events.map(([k, lane], i) => ({ id: `${i}`, key: k, lane: laneOf(lane) })))
          const raw = {
            topic: 't.one',
            streamId: '1-0',
            epoch: 'e',
            refused: undefined,
            watermark: undefined,
            ...batch,
          }
          const got = new Map<object, number[]>()
          index.route(new Entry(0, raw), (s, lane, picks) => {
            for (const pick of picks) expect(events[pick]![1]).toBe(lane)
            got.set(s, [...(got.get(s) ?? []), ...picks])
          })
          for (const s of left) {
            const expected = events
              .map(([k], i) => ({ k, i }))
              .filter(({ k }) => s.plan.topics.includes('t.one') && (s.plan.keys?.has(k) ?? true))
            expect((got.get(s) ?? []).sort((a, b) => a - b)).toEqual(expected.map(({ i }) => i))
            got.delete(s)
          }
          expect(got.size).toBe(0)
        },
      ),
    )
  })
})
