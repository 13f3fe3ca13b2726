import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LOG_START, partialsTopic } from '../../src/bus/index.ts'
import type { InputBatch } from '../../src/fold/input-batch.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig, windowOf } from '../../src/index.ts'
import { IDLE_AFTER_MS } from '../../src/operators/index.ts'
import { allFour, appended, batchOf, eventOf, FakeStore, other, panesIn, reading } from '../support/fold.ts'

const closed = { outOfOrderness: '2s', allowedLateness: '0s', aggregate: allFour } as const
const hops = reading.window('a.hops', { hopping: { size: '20s', slide: '5s' }, ...closed })
const sessions = reading.window('a.sessions', { session: { gap: '5s' }, ...closed })
const high = reading.filter((r) => r.v > 0).to('a.high', { version: 1 })
const ofFlow = high.window('a.high_10', { tumbling: '10s', ...closed })
const ten = reading.window('a.10', { tumbling: '10s', ...closed })
const rollUp = ten.window('a.60', {
  tumbling: '60s',
  outOfOrderness: '0s',
  allowedLateness: '0s',
  aggregate: { panes: 'count', events: { sum: 'value.count' }, highest: { max: 'value.max' } },
})
const positive = reading.window('a.positive', {
  tumbling: '10s',
  ...closed,
  where: { version: 1, keep: ({ v }) => v > 0 },
})
const TOPICS = ['a.hops', 'a.sessions', 'a.high_10', 'a.10', 'a.60', 'a.positive']
const pipeline = new Pipeline(
  defineConfig({ topics: [reading, hops, sessions, high, ofFlow, ten, rollUp, positive] }).contract,
)

const event = fc.record({
  key: fc.constantFrom('x', 'y', 'z'),
  time: fc.integer({ min: 0, max: 60_000 }),
  v: fc.integer({ min: -640, max: 640 }).map((n) => n / 64),
})
type Act = 'fold' | 'commit' | 'crash'

/** Everything the partition has stored of the results, with its owner ending and committing as the script says. */
function results(entries: readonly InputBatch[], script: readonly Act[]): string[] {
  const store = new FakeStore()
  const stored: string[] = []
  const load = () => new PartitionFold(pipeline, 0, 1, store.load())
  let fold = load()
  const commit = () => {
    const operations = store.commit(fold)
    for (const topic of TOPICS) {
      stored.push(...appended(operations, topic).map(({ id, data }) => `${id} ${JSON.stringify(data)}`))
    }
  }
  for (const act of [...script, ...entries.map((): Act => 'fold')]) {
    const offset = fold.offsets.get('a.reading') ?? LOG_START
    const batch = entries[entries.findIndex(({ streamId }) => streamId === offset) + 1]
    if (act === 'fold' && batch !== undefined) fold.fold(batch)
    else if (act === 'commit') commit()
    else if (act === 'crash') fold = load()
  }
  while (fold.isDirty) commit()
  expect(fold.openStates).toBeLessThanOrEqual(20)
  return stored.sort()
}

describe('windows of a partition', () => {
  it('W-FOLD-5 W-FOLD-10 store the same panes of every shape and chain, however commits and ends of the worker fall', () => {
    const log = fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 })
    const acts = fc.array(fc.constantFrom<Act>('fold', 'fold', 'fold', 'commit', 'crash'), { maxLength: 60 })
    fc.assert(
      fc.property(log, acts, (batches, script) => {
        let n = 0
        const entries = [...batches, [{ key: 'close', time: 500_000, v: 0 }]].map((batch) =>
          batchOf('a.reading', ...batch.map(({ key, time, v }) => eventOf(n++, key, time, v))),
        )
        const clean = results(entries, [])
        expect(results(entries, script)).toEqual(clean)
        expect(new Set(clean).size).toBe(clean.length)
      }),
      { numRuns: 300 },
    )
  })

  it('W-FOLD-8 a window reads the panes of another one, and flows', () => {
    const store = new FakeStore()
    const fold = new PartitionFold(pipeline, 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000, 4), eventOf(2, 'x', 2_000, -6), eventOf(3, 'x', 15_000, 2)))
    fold.fold(batchOf('a.reading', eventOf(4, 'x', 200_000)))
    const operations = store.commit(fold)
    expect(panesIn(operations, 'a.60')).toMatchObject([
      { key: 'x', start: 0, value: { panes: 2, events: 3, highest: 4 }, timing: 'on_time', final: true },
    ])
    expect(panesIn(operations, 'a.high_10')).toMatchObject([
      { start: 0, value: { count: 1 } },
      { start: 10_000, value: { count: 1 } },
    ])
    expect(panesIn(operations, 'a.positive')).toMatchObject([{ value: { sum: 4 } }, { value: { sum: 2 } }])
  })

  it('W-FOLD-8 W-MERGE-1 panes are reported to the window over all keys of them in the commit that stores them', () => {
    const all = ten.window('a.all_10', {
      tumbling: '10s',
      groupBy: null,
      outOfOrderness: '0s',
      allowedLateness: '0s',
      aggregate: { highest: { max: 'value.max' } },
    })
    const store = new FakeStore()
    const fold = new PartitionFold(
      new Pipeline(defineConfig({ topics: [reading, ten, all] }).contract),
      0,
      1,
      store.load(),
    )
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000, 4), eventOf(2, 'y', 2_000, 6)))
    fold.fold(batchOf('a.reading', eventOf(3, 'x', 200_000)))
    expect(panesIn(store.commit(fold), 'a.10').length).toBe(2)
    const reports = (store.logs.get(partialsTopic('a.all_10')) ?? []).map(({ payload }) => JSON.parse(`${payload}`))
    expect(reports).toMatchObject([{ watermark: 198_000, partials: [{ start: 0, key: '*' }] }])
  })

  it('W-FOLD-9 a window over several topics waits for the slowest that has input', () => {
    const both = windowOf([reading, other], 'b.both', { tumbling: '10s', ...closed })
    const fold = new PartitionFold(
      new Pipeline(defineConfig({ topics: [reading, other, both] }).contract),
      0,
      1,
      new FakeStore().load(),
    )
    const store = new FakeStore()
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000, 4)))
    fold.fold(batchOf('a.reading', eventOf(2, 'x', 50_000, 4)))
    expect(panesIn(store.commit(fold), 'b.both')).toEqual([])
    fold.fold(batchOf('a.other', eventOf(3, 'x', 2_000, 6)))
    expect(panesIn(store.commit(fold), 'b.both')).toEqual([])
    fold.fold(batchOf('a.other', eventOf(4, 'x', 13_000, 6)))
    expect(panesIn(store.commit(fold), 'b.both')).toMatchObject([{ start: 0, value: { sum: 10, count: 2 } }])
    fold.polledEmpty(0, new Set())
    fold.polledEmpty(IDLE_AFTER_MS, new Set(['a.reading']))
    expect(panesIn(store.commit(fold), 'b.both')).toMatchObject([{ start: 10_000, value: { sum: 6 } }])
  })

  it('W-VERSION-1 a window whose definition changed starts anew, the others go on', () => {
    const pipelineOf = (size: '10s' | '20s') => {
      const changed = reading.window('a.changed', { tumbling: size, ...closed })
      return new Pipeline(defineConfig({ topics: [reading, changed, ten] }).contract)
    }
    const store = new FakeStore()
    let fold = new PartitionFold(pipelineOf('10s'), 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000, 4)))
    store.commit(fold)
    // Of each window one, and that input may come.
    expect(store.size).toBe(2 + 1)
    fold = new PartitionFold(pipelineOf('20s'), 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(2, 'x', 2_000, 6)))
    store.commit(fold)
    expect(store.size).toBe(2 + 1)
    fold = new PartitionFold(pipelineOf('20s'), 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(3, 'x', 25_000, 7), eventOf(4, 'x', 90_000)))
    const operations = store.commit(fold)
    // Of the window from 0 on it has missed the first event.
    expect(panesIn(operations, 'a.changed')).toMatchObject([{ start: 20_000, end: 40_000, value: { sum: 7 } }])
    expect(panesIn(operations, 'a.10')).toMatchObject([
      { start: 0, end: 10_000, value: { sum: 10 } },
      { start: 20_000, end: 30_000, value: { sum: 7 } },
    ])
  })
})
