import { describe, expect, it } from 'vitest'
import { currentHash } from '../../src/bus/index.ts'
import { handOverTo } from '../../src/fold/hand-over.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig, windowOf } from '../../src/index.ts'
import { appended, batchOf, eventOf, FakeStore, other, panesIn, reading } from '../support/fold.ts'

const closed = { outOfOrderness: '0ms', allowedLateness: '0s', aggregate: { sum: { sum: 'v' } } } as const
const tumbling = reading.window('b.tumbling', { tumbling: '10s', ...closed })
const hopping = reading.window('b.hopping', { hopping: { size: '10s', slide: '5s' }, ...closed })
const session = reading.window('b.session', { session: { gap: '3s' }, ...closed })
const both = windowOf([reading, other], 'b.both', { tumbling: '10s', ...closed })
const late = reading.window('b.late', { tumbling: '1s', ...closed })
const behind = tumbling.window('b.behind', { tumbling: '1m', outOfOrderness: '0ms', aggregate: { count: 'count' } })
const before = reading.filter((r) => r.v > 1_000).to('a.none', { version: 1 })
const noneOther = other.filter((r) => r.v > 1_000).to('a.none_other', { version: 1 })

const old = new Pipeline(defineConfig({ topics: [reading, other, before, noneOther] }).contract)
const { contract } = defineConfig({
  topics: [reading, other, before, noneOther, tumbling, hopping, session, both, late, behind],
})
const grown = new Pipeline(contract)

/** A partition that has read an event of time 12,000 before the windows came. */
function begun(): FakeStore {
  const store = new FakeStore()
  const fold = new PartitionFold(old, 0, 1, store.load())
  fold.fold(batchOf('a.reading', eventOf(1, 'x', 12_000, 100)))
  store.commit(fold)
  return store
}

const starts = (operations: Parameters<typeof panesIn>[0], window: string) =>
  panesIn(operations, window).map(({ start, value }) => [start, value.sum])

describe('hand-over', () => {
  it('W-VERSION-3 drops the latest results of a window that is gone or changed, and no others', () => {
    const store = begun()
    store.commit(new PartitionFold(grown, 0, 1, store.load()))
    const changed = reading.window('b.late', { ...closed, tumbling: '2s' })
    const { contract: next } = defineConfig({ topics: [reading, tumbling, changed] })
    const operations = new PartitionFold(new Pipeline(next), 0, 1, store.load()).takeOperations()
    const dropped = operations.flatMap((operation) => (operation.op === 'drop' ? [operation.hash] : []))
    const latest = dropped.filter((key) => key.startsWith('cur:')).sort()
    const names = ['b.behind', 'b.both', 'b.hopping', 'b.late', 'b.session']
    expect(latest).toEqual(names.map((name) => currentHash(name)))
  })

  it('W-VERSION-2 a new window puts out the windows it has seen all of, also after a restart', () => {
    const store = begun()
    let fold = new PartitionFold(grown, 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(2, 'x', 13_000, 1), eventOf(3, 'x', 16_000, 2)))
    store.commit(fold)
    fold = new PartitionFold(grown, 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(4, 'x', 21_000, 4), eventOf(5, 'x', 31_000, 8), eventOf(6, 'x', 90_000)))
    const operations = store.commit(fold)
    expect(starts(operations, 'b.tumbling')).toEqual([
      [20_000, 4],
      [30_000, 8],
    ])
    expect(starts(operations, 'b.hopping')).toEqual([
      [15_000, 6],
      [20_000, 4],
      [25_000, 8],
      [30_000, 8],
    ])
    // The first may continue one that was there before: its start is not a whole gap behind 12,000.
    expect(starts(operations, 'b.session')).toEqual([
      [16_000, 2],
      [21_000, 4],
      [31_000, 8],
    ])
  })

  it('W-VERSION-2 an event of a window before that comes too late is one all the same', () => {
    const store = begun()
    const fold = new PartitionFold(grown, 0, 1, store.load())
    fold.polledEmpty(0, new Set())
    fold.fold(batchOf('a.reading', eventOf(2, 'x', 20_000)))
    fold.fold(batchOf('a.reading', eventOf(3, 'x', 11_000), eventOf(4, 'x', 18_000)))
    const operations = store.commit(fold)
    expect(appended(operations, 'b.late.late').map(({ id }) => id)).toEqual(['3', '4'])
  })

  it('W-VERSION-2 nothing is left to a backfill where nothing was read before', () => {
    const store = new FakeStore()
    const fold = new PartitionFold(grown, 0, 1, store.load())
    fold.fold(batchOf('a.reading', eventOf(1, 'x', 12_000, 100), eventOf(2, 'x', 90_000)))
    expect(starts(store.commit(fold), 'b.tumbling')).toEqual([[10_000, 100]])
  })

  it('W-VERSION-2 counts the times of all inputs, flows and panes between included', () => {
    const times = { 'a.reading': 12_000, 'a.other': 50_000 }
    const named = (name: string) => grown.windows.find((window) => window.name === name)!
    expect(handOverTo(named('b.both'), contract.topics, times)).toBe(50_001)
    expect(handOverTo(named('b.session'), contract.topics, times)).toBe(15_000)
    // A pane of the window from 12,000 on at the latest would be of time 21,999.
    expect(handOverTo(named('b.behind'), contract.topics, times)).toBe(22_000)
    expect(handOverTo(named('b.both'), contract.topics, {})).toBe(Number.NEGATIVE_INFINITY)
  })

  it('W-VERSION-2 what was read while nothing of a topic was of use counts as well', () => {
    const store = begun()
    const without = new Pipeline(defineConfig({ topics: [reading, other, noneOther] }).contract)
    const fold = new PartitionFold(without, 0, 1, store.load())
    fold.fold(batchOf('a.other', eventOf(2, 'x', 1)))
    store.commit(fold)
    const again = new PartitionFold(grown, 0, 1, store.load())
    again.fold(batchOf('a.reading', eventOf(3, 'x', 14_000, 1), eventOf(4, 'x', 90_000)))
    expect(starts(store.commit(again), 'b.tumbling')).toEqual([])
  })
})
