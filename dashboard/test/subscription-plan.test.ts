import { LIMITS } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { planSubscriptions } from '../src/model/subscription-plan.ts'
import type { Topic } from '../src/model/topics.ts'
import { MAX_LINES } from '../src/model/window-series.ts'

const NOW = 1_732_350_000_000
const HOUR_MS = 3_600_000

const source = (name: string): Topic => ({ name, kind: 'source', retentionMs: HOUR_MS })
const window = (name: string, sizeMs: number): Topic => ({
  ...source(name),
  kind: 'window',
  window: { sizeMs, groupBy: 'key', aggregate: { count: { fn: 'count' } } },
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
