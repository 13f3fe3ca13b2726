import { describe, expect, test } from 'vitest'
import { initialPanes } from '../src/model/initial-panes.ts'
import { chartFrom } from '../src/model/subscription-plan.ts'
import type { WindowTopic } from '../src/model/topics.ts'
import { MAX_KEYS, MAX_PANES } from '../src/model/window-series.ts'

const NOW = 1_732_350_000_000
const HOUR_MS = 3_600_000

const window = (name: string, sizeMs: number): WindowTopic => ({
  name,
  retentionMs: HOUR_MS,
  kind: 'window',
  from: ['a.b'],
  window: { type: 'tumbling', sizeMs, groupBy: 'key', aggregate: { count: { fn: 'count' } } },
  valueSchema: { properties: { count: { type: 'number' } } },
})

describe('subscription plan', () => {
  test('windows - start with sixty windows of history', () => {
    expect(chartFrom(window('a.10s', 10_000), 20, NOW)).toEqual({ time: NOW - 605_000 })
  })

  test('windows - history never reaches beyond retention: that would be reported as a gap', () => {
    expect(chartFrom(window('a.1d', 24 * HOUR_MS), 20, NOW)).toEqual({ time: NOW - HOUR_MS })
  })

  test('windows - the more keys, the less history: no more results than are kept', () => {
    expect(chartFrom(window('a.10s', 10_000), MAX_KEYS, NOW)).toEqual({
      time: NOW - (MAX_PANES / MAX_KEYS) * 10_000 - 5_000,
    })
  })
})

describe('initial panes', () => {
  const pane = (key: string, end: number) => ({ key, start: end - 10, end, value: { count: 1 }, revision: 0 })

  test('results - in the order of their keys, without those older than the history and what is no result', () => {
    const old = pane('s-1', NOW - 600)
    const results = [pane('s-10', NOW), old, null, pane('s-2', NOW - 599)]
    expect(initialPanes(results, window('a', 10), NOW).map(({ key }) => key)).toEqual(['s-2', 's-10'])
  })
})
