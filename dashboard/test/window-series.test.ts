import { describe, expect, test } from 'vitest'
import type { Pane } from '../src/model/pane.ts'
import { MAX_LINES, MAX_POINTS, WindowSeries } from '../src/model/window-series.ts'

const SIZE_MS = 10

function pane(key: string, start: number, avg: number, revision = 0): Pane {
  return { key, start, end: start + SIZE_MS, value: { avg, count: 1 }, revision }
}

function seriesOf(...panes: readonly Pane[]): WindowSeries {
  const series = new WindowSeries(SIZE_MS)
  for (const each of panes) series.add(each)
  return series
}

const keysOf = (series: WindowSeries) => series.lines.map(({ key }) => key)

describe('window series', () => {
  test('columns - one line per key on one time axis, null where a key has no result', () => {
    const series = seriesOf(pane('s-10', 20, 3), pane('s-2', 10, 1), pane('s-2', 20, 2))
    expect(keysOf(series)).toEqual(['s-2', 's-10'])
    expect(series.columns('avg')).toEqual({
      starts: [10, 20],
      values: [
        [1, 2],
        [null, 3],
      ],
    })
    expect(series.columns('count').values[1]).toEqual([null, 1])
  })

  test('columns - a hole without any results breaks every line once, however long it is', () => {
    const series = seriesOf(pane('a', 10, 1), pane('a', 20, 2), pane('a', 100, 3))
    expect(series.columns('avg')).toEqual({ starts: [10, 20, 30, 100], values: [[1, 2, null, 3]] })
  })

  test('add - a later revision replaces the point, an earlier one that comes late does not', () => {
    const series = seriesOf(pane('a', 10, 1, 0), pane('a', 10, 5, 2), pane('a', 10, 3, 1))
    expect(series.columns('avg')).toEqual({ starts: [10], values: [[5]] })
  })

  test('add - results may come in any order of time', () => {
    const series = seriesOf(pane('a', 30, 3), pane('a', 10, 1), pane('a', 20, 2))
    expect(series.columns('avg')).toEqual({ starts: [10, 20, 30], values: [[1, 2, 3]] })
  })

  test('bounds - a line keeps the newest points, and nothing older comes back', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_POINTS + 50; i++) series.add(pane('a', i * SIZE_MS, i))
    series.add(pane('a', 0, 0, 9))
    const { starts } = series.columns('avg')
    expect(starts).toHaveLength(MAX_POINTS)
    expect(starts[0]).toBe(50 * SIZE_MS)
  })

  test('bounds - keys beyond the lines are counted, not drawn', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_LINES + 5; i++) series.add(pane(`k-${i}`, 10, i))
    series.add(pane(`k-${MAX_LINES}`, 20, 0))
    expect(series.lines).toHaveLength(MAX_LINES)
    expect(series.otherKeys).toEqual({ count: 5, orMore: false })
  })

  test('bounds - a line without recent results gives its place and its slot to another key', () => {
    const series = new WindowSeries(SIZE_MS)
    for (let i = 0; i < MAX_LINES; i++) series.add(pane(`k-${i}`, i === 3 ? 0 : SIZE_MS, i))
    series.add(pane('new', 10, 0))
    expect(series.otherKeys.count).toBe(1)
    series.add(pane('new', MAX_POINTS * SIZE_MS, 0))
    expect(keysOf(series)).not.toContain('k-3')
    expect(series.lines.find(({ key }) => key === 'new')?.slot).toBe(3)
    expect(series.otherKeys.count).toBe(0)
  })

  test('slots - a line keeps its slot when others join before it', () => {
    const series = seriesOf(pane('m', 10, 1), pane('a', 10, 2))
    expect(series.lines).toMatchObject([
      { key: 'a', slot: 1 },
      { key: 'm', slot: 0 },
    ])
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
