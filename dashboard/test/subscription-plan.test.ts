import { LIMITS } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { initialPanes } from '../src/model/initial-panes.ts'
import { planSubscriptions } from '../src/model/subscription-plan.ts'
import type { Topic, WindowTopic } from '../src/model/topics.ts'
import { MAX_LINES } from '../src/model/window-series.ts'

const NOW = 1_732_350_000_000
const HOUR_MS = 3_600_000

const source = (name: string): Topic => ({ name, kind: 'source', retentionMs: HOUR_MS })
const window = (name: string, sizeMs: number): WindowTopic => ({
  ...source(name),
  kind: 'window',
  from: ['a.b'],
  window: { type: 'tumbling', sizeMs, groupBy: 'key', aggregate: { count: { fn: 'count' } } },
  valueSchema: { properties: { count: { type: 'number' } } },
})

describe('subscription plan', () => {
  test('windows - start with sixty windows of history, everything else at now', () => {
    expect(planSubscriptions([source('a'), window('a.10s', 10_000)], new Map(), NOW)).toEqual([
      { selector: 'a', from: 'now' },
      { selector: 'a.10s', from: { time: NOW - 600_000 } },
    ])
  })

  test('windows - history never reaches beyond retention: that would be reported as a gap', () => {
    const [planned] = planSubscriptions([window('a.1d', 24 * HOUR_MS)], new Map(), NOW)
    expect(planned?.from).toEqual({ time: NOW - HOUR_MS })
  })

  test('windows - with more keys than lines there is no history', () => {
    const [planned] = planSubscriptions([window('a.10s', 10_000)], new Map([['a.10s', MAX_LINES + 1]]), NOW)
    expect(planned?.from).toEqual({ time: NOW - 5_000 })
  })

  test('limit - more topics than a session may subscribe to share one subscription', () => {
    const topics = Array.from({ length: LIMITS.subscriptions + 1 }, (_, index) => source(`t${index}`))
    expect(planSubscriptions(topics, new Map(), NOW)).toEqual([{ selector: '>', from: 'now' }])
    expect(planSubscriptions(topics.slice(1), new Map(), NOW)).toHaveLength(LIMITS.subscriptions)
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
