import { createHistogram } from 'node:perf_hooks'

export type LatencyFigures = {
  readonly count: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** The whole distribution: percentile and milliseconds. */
  readonly percentiles: readonly (readonly [percentile: number, ms: number])[]
}

/** Of high dynamic range, three digits. */
export class LatencyHistogram {
  readonly #histogram = createHistogram()

  record(micros: number): void {
    this.#histogram.record(Math.max(1, Math.round(micros)))
  }

  /** What was recorded since the last call. */
  take(): LatencyFigures {
    const histogram = this.#histogram
    const at = (percentile: number) => ms(histogram.percentile(percentile))
    const figures = {
      count: histogram.count,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: ms(histogram.max),
      percentiles: [...histogram.percentiles].map(([percentile, micros]) => [percentile, ms(micros)] as const),
    }
    histogram.reset()
    return figures
  }
}

const ms = (micros: number) => Math.round(Number(micros)) / 1_000
