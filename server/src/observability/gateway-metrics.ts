import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { GuardState } from '../bus/index.ts'
import { METRICS } from './metric-names.ts'

const BREAKER_VALUE: Record<GuardState['state'], number> = { closed: 0, half_open: 0.5, open: 1 }

/** The metrics of one gateway process, as Prometheus text. */
export class GatewayMetrics {
  readonly #registry = new Registry()
  readonly #breaker: Gauge<'class'>
  readonly #frames: Counter<'outcome'>

  constructor(node: string) {
    this.#registry.setDefaultLabels({ node })
    collectDefaultMetrics({ register: this.#registry })
    this.#breaker = new Gauge({ ...METRICS.breaker, labelNames: ['class'], registers: [this.#registry] })
    this.#frames = new Counter({ ...METRICS.frames, labelNames: ['outcome'], registers: [this.#registry] })
  }

  readonly onBreaker = (state: GuardState): void => {
    this.#breaker.set({ class: state.class }, BREAKER_VALUE[state.state])
  }

  /** A publish frame was answered: `ack`, or the code of its rejection. */
  readonly onFrame = (outcome: string): void => {
    this.#frames.inc({ outcome })
  }

  /** Values read when the metrics are asked for. */
  observe(sources: { readonly sessions: () => number; readonly pendingBytes: () => number }): void {
    const registers = [this.#registry]
    new Gauge({
      ...METRICS.sessions,
      registers,
      collect() {
        this.set(sources.sessions())
      },
    })
    new Gauge({
      ...METRICS.pendingBytes,
      registers,
      collect() {
        this.set(sources.pendingBytes())
      },
    })
  }

  render(): Promise<string> {
    return this.#registry.metrics()
  }
}
