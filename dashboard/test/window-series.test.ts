import { describe, expect, test } from 'vitest'
import type { Pane } from '../src/model/pane.ts'
import { MAX_KEYS, MAX_POINTS, WindowSeries } from '../src/model/window-series.ts'

const SIZE_MS = 10
const ALL = { field: 'avg', count: 1_000, search: '' }

function pane(key: string, start: number, avg: number, revision = 0): Pane {
  return { key, start, end: start + SIZE_MS, value: { avg, count: 1 }, revision }
}

function seriesOf(...panes: readonly Pane[]): WindowSeries {
  const series = new WindowSeries(SIZE_MS)
  for (const each of panes) series.add(each)
  return series
}

const columnsOf = (series: WindowSeries, field = 'avg') => series.columns(field, series.choose(ALL))

describe('window series', () => {
  test('columns - one line per key on one time axis, null where a key has no result', () => {
    const series = seriesOf(pane('s-10', 20, 3), pane('s-2', 10, 1), pane('s-2', 20, 2))
    expect(series.choose(ALL)).toEqual(['s-2', 's-10'])
    expect(columnsOf(series)).toEqual({
      starts: [10, 20],
      values: [
        [1, 2],
        [null, 3],
      ],
    })
    expect(columnsOf(series, 'count').values[1]).toEqual([null, 1])
  })

  test('columns - a hole without any results breaks every line once, however long it is', () => {
    const series = seriesOf(pane('a', 10, 1), pane('a', 20, 2), pane('a', 100, 3))
    expect(columnsOf(series)).toEqual({ starts: [10, 20, 30, 100], values: [[1, 2, null, 3]] })
  })

  test('add - a later revision replaces the point, an earlier one that comes late does not', () => {
    const series = seriesOf(pane('a', 10, 1, 0), pane('a', 10, 5, 2), pane('a', 10, 3, 1))
    expect(columnsOf(series)).toEqual({ starts: [10], values: [[5]] })
    expect(series.latest('a')?.value.avg).toBe(5)
  })

  test('add - results may come in any order of time', () => {
    const series = seriesOf(pane('a', 30, 3), pane('a', 10, 1), pane('a', 20, 2))
    expect(columnsOf(series)).toEqual({ starts: [10, 20, 30], values: [[1, 2, 3]] })
    expect(series.latest('a')?.start).toBe(30)
  })

  test('choose - of more keys than asked for those with the largest latest values', () => {
    const series = seriesOf(pane('a', 10, 9), pane('a', 20, 1), pane('b', 20, 5), pane('c', 20, 3))
    expect(series.choose({ ...ALL, count: 2 })).toEqual(['b', 'c'])
    expect(series.choose({ ...ALL, count: 2, field: 'count' })).toHaveLength(2)
  })

  test('choose - those whose names have the text that is looked for', () => {
    const series = seriesOf(pane('North-1', 10, 1), pane('south-2', 10, 9), pane('north-10', 10, 5))
    expect(series.choose({ ...ALL, search: 'north' })).toEqual(['North-1', 'north-10'])
    expect(series.choose({ ...ALL, count: 1, search: 'north' })).toEqual(['north-10'])
    expect(series.choose({ ...ALL, search: 'west' })).toEqual([])
  })

  test('bounds - a key keeps the newest points, and nothing older comes back', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_POINTS + 50; i++) series.add(pane('a', i * SIZE_MS, i))
    series.add(pane('a', 0, 0, 9))
    const { starts } = columnsOf(series)
    expect(starts).toHaveLength(MAX_POINTS)
    expect(starts[0]).toBe(50 * SIZE_MS)
  })

  test('bounds - of many keys few points each are kept, and keys beyond them are not', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let start = 0; start < 5; start++)
      for (let i = 0; i < MAX_KEYS; i++) series.add(pane(`k-${i}`, start * SIZE_MS, i))
    series.add(pane('one-more', 4 * SIZE_MS, 1))
    expect(series.keyCount).toEqual({ count: MAX_KEYS, orMore: true })
    expect(series.columns('avg', ['k-7'])).toEqual({ starts: [20, 30, 40], values: [[7, 7, 7]] })
  })

  test('G-PAGE-13 bounds - of too many keys those that fell silent give their places to others', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_KEYS; i++) series.add(pane(`k-${i}`, i < 2 ? 0 : 10 * SIZE_MS, i))
    series.add(pane('k-0', 10 * SIZE_MS, 1))
    for (const key of ['new', 'one-more']) series.add(pane(key, 10 * SIZE_MS, MAX_KEYS))
    expect(series.keyCount).toEqual({ count: MAX_KEYS, orMore: true })
    expect(series.latest('new')?.value.avg).toBe(MAX_KEYS)
    expect(series.latest('one-more')).toBeUndefined()
    expect(series.choose({ ...ALL, search: 'k-1', count: MAX_KEYS })).not.toContain('k-1')
    expect(series.columns('avg', ['k-0']).starts).toEqual([0, 10, 100])
  })

  test('bounds - keys that fell silent stay while there is room', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_KEYS; i++) series.add(pane(`k-${i}`, 0, i))
    for (let start = 1; start < MAX_POINTS; start++) series.add(pane('k-0', start * SIZE_MS, 1))
    expect(series.keyCount.count).toBe(MAX_KEYS)
  })

  test('bounds - a key without recent results gives its place to another one', () => {
    const series = seriesOf(pane('old', 0, 1), pane('new', MAX_POINTS * SIZE_MS, 1))
    expect(series.choose(ALL)).toEqual(['new'])
    expect(series.latest('old')).toBeUndefined()
  })

  test('version - grows with what is drawn, and only then', () => {
    const series = seriesOf(pane('a', 10, 1, 1))
    const before = series.version
    series.add(pane('a', 10, 0, 0))
    expect(series.version).toBe(before)
    series.add(pane('a', 20, 2))
    expect(series.version).toBeGreaterThan(before)
  })
})
