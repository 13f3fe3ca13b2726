import { describe, expect, it } from 'vitest'
import { MAX_WRITES } from '../../src/fold/commit-room.ts'
import { decodeBatch } from '../../src/fold/input-batch.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { IDLE_AFTER_MS } from '../../src/operators/index.ts'
import {
  allFour,
  appended,
  batchOf,
  eventOf,
  FakeStore,
  other,
  panesIn,
  reading,
  recordBatch,
  writesOf,
} from '../support/fold.ts'

const window = reading.window('a.10', {
  tumbling: '10s',
  outOfOrderness: '0ms',
  allowedLateness: '20s',
  aggregate: allFour,
})
const otherWindow = other.window('b.10', { tumbling: '10s', outOfOrderness: '0ms', aggregate: { count: 'count' } })
const doubled = reading.map((r) => ({ ...r, v: r.v * 2 })).to('a.doubled', { version: 1 })
const large = doubled.filter((r) => r.v > 100).to('a.large', { version: 1, priority: 'high' })
const busy = window.filter((pane) => pane.value.count > 1).to('a.busy', { version: 1 })
const picky = reading
  .map((r) => {
    if (r.v === 13) throw new Error('thirteen')
    return r
  })
  .to('a.picky', { version: 1 })
const { contract } = defineConfig({ topics: [reading, other, window, otherWindow, doubled, large, busy, picky] })
const pipeline = new Pipeline(contract)

const open = (store = new FakeStore()) => new PartitionFold(pipeline, 0, 1, store.load())
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id)

describe('partition fold', () => {
  it('W-FOLD-1 runs outputs through the flows behind them, with the identity of the event', () => {
    const fold = open()
    const event = { ...eventOf('e-1', 'k', 5, 60), source: 'probe' }
    fold.fold(batchOf('a.reading', event, eventOf('e-2', 'k', 6, 1)))
    const operations = fold.takeOperations()
    expect(appended(operations, 'a.doubled')).toEqual([
      { ...event, data: { k: 'k', v: 120 } },
      eventOf('e-2', 'k', 6, 2),
    ])
    expect(appended(operations, 'a.large')).toEqual([{ ...event, data: { k: 'k', v: 120 } }])
  })

  it('W-TRACE-1 gives results of flows and dead letters the trace context of their event, and panes none', () => {
    const fold = open()
    const traced = (flags: string) => ({
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${flags}`,
      tracestate: 'v="1"',
    })
    const recorded = { ...eventOf('e-1', 'k', 5, 60), ...traced('01') }
    const letter = { ...eventOf('e-2', 'k', 6, 13), ...traced('01') }
    const unrecorded = { ...eventOf('e-3', 'k', 10_000, 70), ...traced('00') }
    fold.fold(batchOf('a.reading', recorded, letter, unrecorded, eventOf('e-4', 'k', 10_001, 1)))
    const operations = fold.takeOperations()
    const contexts = (topic: string) => appended(operations, topic).map(({ traceparent }) => traceparent)
    const of = (flags: string) => traced(flags).traceparent
    expect(contexts('a.doubled')).toEqual([of('01'), of('01'), of('00'), undefined])
    expect(appended(operations, 'a.large')).toEqual([
      { ...recorded, data: { k: 'k', v: 120 } },
      { ...unrecorded, data: { k: 'k', v: 140 } },
    ])
    expect(contexts('a.picky~dead')).toEqual([of('01')])
    expect(contexts('a.10')).toEqual([undefined])
    const header = operations.flatMap((each) => (each.op === 'append' && each.topic === 'a.doubled' ? each.header : []))
    expect(JSON.parse(header[0]!)).toMatchObject({ c: [0, 1] })
  })

  it('W-FOLD-1 runs panes through the flows behind their window', () => {
    const fold = open()
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000), eventOf(2, 'x', 2_000), eventOf(3, 'y', 3_000)))
    fold.fold(batchOf('a.reading', eventOf(4, 'y', 10_000)))
    const operations = fold.takeOperations()
    expect(ids(appended(operations, 'a.10'))).toEqual(['a.10/x/0/0', 'a.10/y/0/0'])
    expect(ids(appended(operations, 'a.busy'))).toEqual(['a.10/x/0/0'])
  })

  it('W-FOLD-2 makes a pane an event of its own, with revision and finality', () => {
    const fold = open()
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000, 4), eventOf(2, 'z', 10_000)))
    const first = fold.takeOperations()
    expect(appended(first, 'a.10')).toEqual([
      {
        id: 'a.10/x/0/0',
        key: 'x',
        time: 9_999,
        data: {
          key: 'x',
          start: 0,
          end: 10_000,
          value: { sum: 4, min: 4, max: 4, count: 1 },
          revision: 0,
          timing: 'on_time',
          final: false,
        },
      },
    ])
    expect(first.find((o) => o.op === 'append' && o.topic === 'a.10')).toMatchObject({
      watermark: -10_000,
      latest: [{ index: 0, key: 'x' }],
    })
    // The late event revises, and the same batch moves the watermark to where nothing can revise any more.
    fold.fold(batchOf('a.reading', eventOf(3, 'x', 2_000, 5), eventOf(4, 'z', 30_000)))
    const pane = panesIn(fold.takeOperations(), 'a.10').find(({ key }) => key === 'x')
    expect(pane).toMatchObject({ revision: 1, final: true, value: { count: 2, sum: 9 } })
  })

  it('W-FOLD-11 the latest result of a key is the last revision of its latest window, whichever came last', () => {
    const fold = open()
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1_000), eventOf(2, 'x', 11_000), eventOf(3, 'z', 20_000)))
    fold.fold(batchOf('a.reading', eventOf(4, 'x', 12_000)))
    fold.fold(batchOf('a.reading', eventOf(5, 'x', 2_000)))
    const operations = fold.takeOperations()
    expect(ids(appended(operations, 'a.10'))).toEqual(['a.10/x/0/0', 'a.10/x/10000/0', 'a.10/x/10000/1', 'a.10/x/0/1'])
    expect(operations.find((o) => o.op === 'append' && o.topic === 'a.10')).toMatchObject({
      latest: [{ index: 2, key: 'x' }],
    })
  })

  it('W-FOLD-12 puts an event aside that an aggregate cannot be computed from, for that window only', () => {
    const fold = open()
    const older = { ...eventOf('older', 'x', 1_000), data: { k: 'x' } }
    fold.fold(batchOf('a.reading', older, eventOf(2, 'x', 2_000, 7), eventOf(3, 'x', 3_000, Number.NaN)))
    fold.fold(batchOf('a.reading', eventOf(4, 'x', 10_000)))
    const operations = fold.takeOperations()
    expect(panesIn(operations, 'a.10').map(({ value }) => value)).toEqual([{ sum: 7, min: 7, max: 7, count: 1 }])
    const cause = expect.stringMatching(/^aggregate sum: sum needs a number .* at v, not nothing$/)
    const dead = appended(operations, 'a.10~dead')
    expect(ids(dead)).toEqual(['older', '3'])
    expect(dead[0]!.data).toEqual({ cause, data: { k: 'x' } })
    expect(fold.counters).toMatchObject({ events: 4, deadLetters: 2, late: 0 })
  })

  it.each(['partition', 'source'] as const)(
    'O-MARK-6 one time ahead and a silence make nothing late that comes after it, with a clock per %s',
    (watermark) => {
      const NOW = 1_732_350_000_000
      const perMinute = reading.window('a.min', {
        tumbling: '10s',
        allowedLateness: '0s',
        watermark,
        aggregate: allFour,
      })
      const config = defineConfig({ topics: [reading, perMinute] })
      const fold = new PartitionFold(new Pipeline(config.contract), 0, 1, new FakeStore().load())
      fold.fold(batchOf('a.reading', eventOf('ahead', 'x', NOW + 50_000)))
      for (let now = NOW; now <= NOW + 90_000; now += 500) {
        fold.readToEnd(now, new Set())
        fold.polledEmpty(now, new Set())
      }
      for (let n = 0; n < 60; n++) fold.fold(batchOf('a.reading', eventOf(n, 'x', NOW + 90_000 + n * 1_000)))
      expect(fold.counters).toMatchObject({ events: 61, late: 0 })
    },
  )

  it('W-FOLD-3 passes late events on unchanged', () => {
    const fold = open()
    const late = { ...eventOf('late', 'x', 1_000), source: 'probe' }
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 30_000)))
    fold.fold(batchOf('a.reading', late))
    expect(appended(fold.takeOperations(), 'a.10.late')).toEqual([late])
    expect(fold.counters.late).toBe(1)
  })

  it('W-FOLD-4 loses an event at which a flow throws to the dead letters of that flow only', () => {
    const fold = open()
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 1, 12), eventOf(2, 'x', 2, 13), eventOf(3, 'x', 3, 14)))
    const operations = fold.takeOperations()
    expect(ids(appended(operations, 'a.picky'))).toEqual(['1', '3'])
    expect(appended(operations, 'a.picky~dead')).toEqual([
      { id: '2', key: 'x', time: 2, data: { cause: 'thirteen', data: { k: 'x', v: 13 } } },
    ])
    expect(ids(appended(operations, 'a.doubled'))).toEqual(['1', '2', '3'])
    expect(fold.counters).toMatchObject({ events: 3, deadLetters: 1 })
  })

  it('W-FOLD-6 closes the windows of a quiet input while another one is busy', () => {
    const fold = open()
    fold.fold(batchOf('a.other', eventOf(1, 'x', 1_000)))
    for (let now = 0; now <= IDLE_AFTER_MS + 10_000; now += 500) {
      fold.fold(batchOf('a.reading', eventOf(now, 'x', 500)))
      fold.polledEmpty(now, new Set(['a.reading']))
    }
    const operations = fold.takeOperations()
    expect(panesIn(operations, 'b.10')).toMatchObject([{ start: 0, value: { count: 1 } }])
    expect(panesIn(operations, 'a.10')).toEqual([])
  })

  it('W-FOLD-7 passes over the events of refused slices', () => {
    const unforeseen = () => expect.unreachable()
    const entry = { topic: 'a.reading', streamId: '1-0', epoch: 'e', watermark: undefined }
    const batch = recordBatch([eventOf(1, 'x', 1), eventOf(2, 'x', 2)])
    expect(ids(decodeBatch({ ...entry, ...batch, refused: undefined }, unforeseen).events)).toEqual(['1', '2'])
    expect(decodeBatch({ ...entry, ...batch, refused: '0' }, unforeseen).events).toEqual([])
  })

  it('W-LIMIT-1 ends a commit before the batch that could exceed its writes', () => {
    const store = new FakeStore()
    const fold = open(store)
    let folded = 0
    for (let n = 0; n < 100; n++) {
      const batch = batchOf('a.other', ...Array.from({ length: 100 }, (_, i) => eventOf(i, `k-${n * 100 + i}`, 1_000)))
      if (!fold.hasRoomFor(batch)) {
        const operations = store.commit(fold)
        expect(writesOf(operations)).toBeGreaterThan(0.8 * MAX_WRITES)
        expect(writesOf(operations)).toBeLessThanOrEqual(MAX_WRITES)
        expect(fold.hasRoomFor(batch)).toBe(true)
      }
      fold.fold(batch)
      folded += 100
    }
    expect(folded).toBe(10_000)
  })

  it('W-LIMIT-1 takes a batch that alone exceeds the bounds, by itself', () => {
    const fold = open()
    const huge = batchOf('a.other', ...Array.from({ length: 6_000 }, (_, i) => eventOf(i, `k-${i}`, 1_000)))
    expect(fold.hasRoomFor(huge)).toBe(true)
    fold.fold(batchOf('a.other', eventOf(1, 'x', 1)))
    expect(fold.hasRoomFor(huge)).toBe(false)
  })

  it('W-LIMIT-2 sends a large close in several commits, wherever the worker ends between them', () => {
    const store = new FakeStore()
    let fold = open(store)
    const keys = Array.from({ length: 6_000 }, (_, i) => `k-${i}`)
    for (let from = 0; from < keys.length; from += 500) {
      fold.fold(batchOf('a.other', ...keys.slice(from, from + 500).map((key, i) => eventOf(i, key, 1_000))))
      store.commit(fold)
    }
    fold.fold(batchOf('a.other', eventOf('close', 'k-0', 100_000)))
    const panes: string[] = []
    let commits = 0
    do {
      const operations = store.commit(fold)
      expect(writesOf(operations)).toBeLessThanOrEqual(MAX_WRITES)
      panes.push(...ids(appended(operations, 'b.10')))
      commits++
      fold = open(store)
    } while (fold.hasDue)
    expect(commits).toBeGreaterThan(3)
    expect(panes.sort()).toEqual(keys.map((key) => `b.10/${key}/0/0`).sort())
  })

  it('W-LIMIT-2 keeps nothing of what was forgotten', () => {
    const store = new FakeStore()
    const fold = open(store)
    fold.fold(batchOf('a.reading', ...Array.from({ length: 900 }, (_, i) => eventOf(i, `k-${i}`, 1_000))))
    fold.fold(batchOf('a.reading', eventOf('close', 'k', 30_000)))
    while (fold.isDirty) store.commit(fold)
    // And that input may come.
    expect(store.size).toBe(1 + 1)
    expect(fold.openStates).toBe(1)
  })
})
