import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GuardState } from '../bus/index.ts'
import { version } from '../package-files.ts'
import { LatencyHistogram, LatencyHistograms } from './latency-histogram.ts'
import { METRICS, type MetricDefinition, type Role } from './metric-names.ts'

type Named = typeof METRICS
type NameOf<Type extends MetricDefinition['type']> = {
  [Name in keyof Named]: Named[Name]['type'] extends Type ? Name : never
}[keyof Named]
type Label<Name extends keyof Named> = Extract<keyof Named[Name]['labels'], string>

/** Gauges of prom-client that are named like counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

const BREAKER_STATES: readonly GuardState['state'][] = ['closed', 'half_open', 'open']

/** Reads what a metric shows at the moment at which it is requested. MUST NOT throw. */
export type Refresh = () => void | Promise<void>

export interface MetricsOf {
  readonly role: Role
  /** Name of the process. */
  readonly node: string
}

/** The metrics of one process, as Prometheus text. Each is made once, by its name in `METRICS`. */
export class ProcessMetrics {
  readonly #registry = new Registry()
  readonly #refreshes: Refresh[] = []

  constructor({ role, node }: MetricsOf) {
    collectDefaultMetrics({ register: this.#registry })
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name)
    const labels = { version: version(), node_version: process.versions.node, role, node }
    this.gauge('buildInfo').set(labels, 1)
    const time = this.gauge('time')
    this.onRequest(() => time.set(Date.now() / 1_000))
  }

  gauge<Name extends NameOf<'gauge'>>(name: Name): Gauge<Label<Name>> {
    return new Gauge(this.#options(name))
  }

  counter<Name extends NameOf<'counter'>>(name: Name): Counter<Label<Name>> {
    return new Counter(this.#options(name))
  }

  histogram<Name extends NameOf<'histogram'>>(name: Name): Histogram<Label<Name>> {
    const { buckets } = METRICS[name]
    return new Histogram({ ...this.#options(name), buckets: [...buckets] })
  }

  /** A histogram without labels that is observed for every frame. */
  latency(name: NameOf<'histogram'>): LatencyHistogram {
    const histogram = new LatencyHistogram({ ...METRICS[name], help: plain(METRICS[name].help) })
    this.#registry.registerMetric(histogram.asMetric)
    return histogram
  }

  /** The same with one label. */
  latencies<Name extends NameOf<'histogram'>>(name: Name, label: Label<Name>): LatencyHistograms<Label<Name>> {
    const histograms = new LatencyHistograms({ ...METRICS[name], help: plain(METRICS[name].help) }, label)
    this.#registry.registerMetric(histograms.asMetric)
    return histograms
  }

  onRequest(refresh: Refresh): void {
    this.#refreshes.push(refresh)
  }

  /** Shows the breakers of the process, for each Redis. */
  showBreakers(breakers: () => readonly GuardState[]): void {
    const gauge = this.gauge('breaker')
    this.onRequest(() => {
      // A node of a cluster may be in use no more.
      gauge.reset()
      for (const { class: busClass, node: redis = '', state: current } of breakers()) {
        for (const state of BREAKER_STATES) gauge.set({ class: busClass, redis, state }, state === current ? 1 : 0)
      }
    })
  }

  async render(): Promise<string> {
    for (const refresh of this.#refreshes) await refresh()
    return this.#registry.metrics()
  }

  #options<Name extends keyof Named>(name: Name) {
    const { help, labels } = METRICS[name]
    const labelNames = Object.keys(labels) as Label<Name>[]
    return { name: METRICS[name].name, help: plain(help), labelNames, registers: [this.#registry] }
  }
}

/** Sets a counter to what somebody else has counted. */
export function count<Label extends string>(
  counter: Counter<Label>,
  total: number,
  labels?: Record<Label, string>,
): void {
  if (labels === undefined) {
    counter.reset()
    counter.inc(total)
  } else {
    counter.remove(labels)
    counter.inc(labels, total)
  }
}

/** Without the links and quotes of the pages. */
function plain(help: string): string {
  return help.replace(/\[([^[\]]{1,60})\]\([^()]{1,60}\)/g, '$1').replaceAll('`', '')
}
