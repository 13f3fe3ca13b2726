import type { Lane } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { GapTally } from '../src/model/gap-tally.ts'
import { Monitor } from '../src/model/monitor.ts'
import { MAX_RECENT, type ReceivedEvent, RecentEvents } from '../src/model/recent-events.ts'
import type { Topic } from '../src/model/topics.ts'

const NOW = 1_732_350_000_500

function event(topic: string, lane: Lane, data: unknown, number = 0): ReceivedEvent {
  const at = `3@1/${NOW - 500}-${number}.0`
  return { topic, lane, at, id: `e-${number}`, key: 'k', time: NOW, data }
}

const source: Topic = { name: 'stock.level', kind: 'source', retentionMs: 1_000 }
const window: Topic = {
  name: 'stock.5s',
  kind: 'window',
  retentionMs: 1_000,
  from: ['stock.level'],
  window: { type: 'tumbling', sizeMs: 5_000, groupBy: 'key', aggregate: { lowest: { fn: 'min', field: 'level' } } },
  valueSchema: { properties: { lowest: { type: 'number' } } },
}

describe('monitor', () => {
  const pane = { key: 'k', start: 5_000, end: 10_000, value: { lowest: 3 }, revision: 0, final: false }

  test('receiveResult - draws results of windows', () => {
    const monitor = new Monitor([source, window])
    monitor.receiveResult(event('stock.5s', 'normal', pane))
    expect(monitor.series('stock.5s').columns('lowest', ['k'])).toEqual({ starts: [5_000], values: [[3]] })
  })

  test('receiveResult - data that is no pane is not drawn', () => {
    const monitor = new Monitor([source, window])
    for (const data of [null, 'text', { key: 'k', start: 0 }]) monitor.receiveResult(event('stock.5s', 'low', data))
    monitor.receiveResult(event('stock.level', 'low', pane))
    expect(monitor.series('stock.5s').keyCount.count).toBe(0)
  })
})

describe('recent events', () => {
  test('since - what is new, newest first', () => {
    const recent = new RecentEvents()
    for (let i = 0; i < 3; i++) recent.add(event('a', 'high', {}, i))
    expect(recent.since(1).map(({ id }) => id)).toEqual(['e-2', 'e-1'])
    expect(recent.since(3)).toEqual([])
  })

  test('bounds - only the last are kept, all are counted', () => {
    const recent = new RecentEvents()
    for (let i = 0; i < MAX_RECENT + 7; i++) recent.add(event('a', 'high', {}, i))
    expect(recent.since(0)).toHaveLength(MAX_RECENT)
    expect(recent.since(0).at(-1)?.id).toBe('e-7')
    expect(recent.count).toBe(MAX_RECENT + 7)
  })
})

describe('gap tally', () => {
  const gap = { topic: 'a', lane: 'low', upTo: '3@1/5-0.0', count: 5, reason: 'overflow', fetchable: false } as const

  test('add - gaps of one topic, lane and reason are added up, latest line first', () => {
    const gaps = new GapTally()
    gaps.add(gap, 1)
    gaps.add({ ...gap, reason: 'trimmed', count: null }, 2)
    gaps.add({ ...gap, count: 7 }, 3)
    expect(gaps.lines).toEqual([
      { topic: 'a', lane: 'low', reason: 'overflow', gaps: 2, events: 12, orMore: false, lastAtMs: 3 },
      { topic: 'a', lane: 'low', reason: 'trimmed', gaps: 1, events: 0, orMore: true, lastAtMs: 2 },
    ])
    expect(gaps.count).toBe(3)
  })

  test('total - a gap of unknown size makes it a lower bound', () => {
    const gaps = new GapTally()
    gaps.add(gap, 1)
    expect(gaps.total).toEqual({ events: 5, orMore: false })
    gaps.add({ ...gap, count: null }, 2)
    expect(gaps.total).toEqual({ events: 5, orMore: true })
  })
})
