import type { Metric } from 'prom-client'
import type { MetricDefinition } from './metric-names.ts'

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/**
 * A histogram without labels for what every frame or command passes: an observation of prom-client takes 30 times as long. A registry
 * renders it like its own.
 */
export class LatencyHistogram {
  readonly name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  /** By bucket, those above the last bound at the end. */
  readonly #counts: number[]
  #sum = 0

  constructor({ name, help, buckets = [] }: MetricDefinition) {
    this.name = name
    this.#help = help
    this.#bounds = buckets
    this.#counts = Array.from({ length: buckets.length + 1 }, () => 0)
  }

  /** Times before the beginning, which clocks that differ produce, count as none. */
  observe(seconds: number): void {
    const value = Math.max(0, seconds)
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#sum += value
  }

  /** Upper bounds of the buckets, seconds. */
  get bounds(): readonly number[] {
    return this.#bounds
  }

  /** Observations since the start by bucket, those above the last bound at the end. */
  counts(): readonly number[] {
    return [...this.#counts]
  }

  /** What a registry of prom-client takes: it only calls `get`. */
  get asMetric(): Metric {
    return this as unknown as Metric
  }

  get() {
    return { ...renderedAs(this.name, this.#help), values: this.samples({}) }
  }

  /** @param labels of all of them */
  samples(labels: Readonly<Record<string, string>>): Sample[] {
    const values: Sample[] = []
    let count = 0
    for (const [bucket, counted] of this.#counts.entries()) {
      count += counted
      const le = this.#bounds[bucket] ?? '+Inf'
      values.push({ metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count })
    }
    values.push({ metricName: `${this.name}_sum`, labels, value: this.#sum })
    values.push({ metricName: `${this.name}_count`, labels, value: count })
    return values
  }
}

/** Such histograms by the value of one label. */
export class LatencyHistograms<Label extends string> {
  readonly #definition: MetricDefinition
  readonly #label: Label
  readonly #byValue = new Map<string, LatencyHistogram>()

  constructor(definition: MetricDefinition, label: Label) {
    this.#definition = definition
    this.#label = label
  }

  /** That of a value, which is rendered from now on. */
  of(value: string): LatencyHistogram {
    let histogram = this.#byValue.get(value)
    if (histogram === undefined) {
      histogram = new LatencyHistogram(this.#definition)
      this.#byValue.set(value, histogram)
    }
    return histogram
  }

  get name(): string {
    return this.#definition.name
  }

  get asMetric(): Metric {
    return this as unknown as Metric
  }

  get() {
    const { name, help } = this.#definition
    const values = [...this.#byValue].flatMap(([value, each]) => each.samples({ [this.#label]: value }))
    return { ...renderedAs(name, help), values }
  }
}

function renderedAs(name: string, help: string) {
  return { name, help, type: 'histogram', aggregator: 'sum' }
}
