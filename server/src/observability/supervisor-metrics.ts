import { count, ProcessMetrics } from './process-metrics.ts'

/** A process that `tidegate start` runs. */
export interface ChildFigures {
  readonly name: string
  readonly isReady: boolean
  /** How often it ended by itself. */
  readonly restarts: number
}

/** The metrics of `tidegate start`. */
export class SupervisorMetrics {
  readonly #metrics: ProcessMetrics

  constructor(node: string, children: () => readonly ChildFigures[]) {
    this.#metrics = new ProcessMetrics({ role: 'supervisor', node })
    const isReady = this.#metrics.gauge('ready')
    const up = this.#metrics.gauge('childUp')
    const restarts = this.#metrics.counter('childRestarts')
    this.#metrics.onRequest(() => {
      const figures = children()
      isReady.set(figures.every((child) => child.isReady) ? 1 : 0)
      for (const child of figures) {
        up.set({ child: child.name }, child.isReady ? 1 : 0)
        count(restarts, child.restarts, { child: child.name })
      }
    })
  }

  render(): Promise<string> {
    return this.#metrics.render()
  }
}
