import type { ReportedLatency } from '../bus/index.ts'
import type { LatencyHistogram } from './latency-histogram.ts'

/** Reports that a value looks back over: with one a second long enough for a 99th percentile that does not jump. */
const LOOK_BACK = 10

/** The percentiles of a histogram over its last observations, from one report to the next. */
export class RecentLatency {
  readonly #histogram: LatencyHistogram
  /** Oldest first. */
  readonly #past: (readonly number[])[]

  constructor(histogram: LatencyHistogram) {
    this.#histogram = histogram
    this.#past = [histogram.counts()]
  }

  /** Called once for each report. `null`: nothing was observed lately. */
  take(): ReportedLatency | null {
    const counts = this.#histogram.counts()
    const before = this.#past[0]!
    this.#past.push(counts)
    if (this.#past.length > LOOK_BACK) this.#past.shift()
    const lately = counts.map((count, bucket) => count - before[bucket]!)
    if (lately.every((count) => count === 0)) return null
    const { bounds } = this.#histogram
    return { p50Ms: msAt(0.5, bounds, lately), p99Ms: msAt(0.99, bounds, lately) }
  }
}

/**
 * A quantile as Prometheus' `histogram_quantile` computes it: linear within a bucket, and the last bound above it.
 *
 * @param bounds of the buckets, seconds
 */
function msAt(quantile: number, bounds: readonly number[], counts: readonly number[]): number {
  const rank = quantile * counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  for (const [bucket, count] of counts.entries()) {
    if (below + count < rank) {
      below += count
      continue
    }
    const upper = bounds[bucket] ?? bounds.at(-1)!
    const lower = bounds[bucket - 1] ?? 0
    return tenths((lower + (Math.max(0, upper - lower) * (rank - below)) / count) * 1_000)
  }
  return tenths(bounds.at(-1)! * 1_000)
}

const tenths = (ms: number) => Math.round(ms * 10) / 10
