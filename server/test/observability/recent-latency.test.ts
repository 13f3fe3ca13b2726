import { describe, expect, it } from 'vitest'
import { LatencyHistogram } from '../../src/observability/latency-histogram.ts'
import { RecentLatency } from '../../src/observability/recent-latency.ts'

function measuring() {
  const buckets = [0.001, 0.01, 0.1]
  const histogram = new LatencyHistogram({ name: 's', type: 'histogram', help: '', labels: {}, of: [], buckets })
  return { histogram, recent: new RecentLatency(histogram) }
}

describe('recent latency', () => {
  it('M-RECENT-1 is linear within a bucket, and the last bound above it', () => {
    const { histogram, recent } = measuring()
    for (let i = 0; i < 100; i++) histogram.observe(0.005)
    expect(recent.take()).toEqual({ p50Ms: 5.5, p99Ms: 9.9 })
    for (let i = 0; i < 9_900; i++) histogram.observe(7)
    expect(recent.take()).toEqual({ p50Ms: 100, p99Ms: 100 })
  })

  it('M-RECENT-1 forgets what was before the last ten reports', () => {
    const { histogram, recent } = measuring()
    expect(recent.take()).toBeNull()
    histogram.observe(0.0005)
    for (let i = 0; i < 9; i++) expect(recent.take()?.p50Ms).toBe(0.5)
    histogram.observe(0.05)
    expect(recent.take()?.p99Ms).toBe(98.2)
    expect(recent.take()?.p50Ms).toBe(55)
    for (let i = 0; i < 8; i++) recent.take()
    expect(recent.take()).toBeNull()
  })
})
