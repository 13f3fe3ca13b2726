import { Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { LatencyHistogram, LatencyHistograms } from '../../src/observability/latency-histogram.ts'

const definition = {
  name: 'test_seconds',
  type: 'histogram',
  help: 'For this test',
  labels: {},
  of: [],
  buckets: [0.001, 0.01, 0.1, 1],
} as const

describe('latency histogram', () => {
  it('is rendered as one of prom-client with the same observations', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const histogram = new LatencyHistogram(definition)
    ours.registerMetric(histogram.asMetric)
    const { name, help, buckets } = definition
    const reference = new Histogram({ name, help, buckets: [...buckets], registers: [theirs] })
    for (const value of [0, 0.0005, 0.001, 0.0011, 0.05, 0.1, 0.99, 1, 5, 100]) {
      histogram.observe(value)
      reference.observe(value)
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })

  it('is rendered as one of prom-client with a label, by the values that were asked for', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const histograms = new LatencyHistograms(definition, 'outcome')
    ours.registerMetric(histograms.asMetric)
    const { name, help, buckets } = definition
    const labelNames = ['outcome']
    const reference = new Histogram({ name, help, buckets: [...buckets], labelNames, registers: [theirs] })
    reference.zero({ outcome: 'none' })
    histograms.of('none')
    for (const [outcome, value] of [
      ['done', 0.05],
      ['failed', 0.0005],
      ['done', 5],
    ] as const) {
      histograms.of(outcome).observe(value)
      reference.observe({ outcome }, value)
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })

  it('counts a time before the beginning as none: two clocks are compared', async () => {
    const registry = new Registry()
    const histogram = new LatencyHistogram(definition)
    registry.registerMetric(histogram.asMetric)
    histogram.observe(-3)
    expect(await registry.metrics()).toMatch(/^test_seconds_bucket\{le="0.001"\} 1\n/m)
    expect(await registry.metrics()).toMatch(/^test_seconds_sum 0\n/m)
  })
})
