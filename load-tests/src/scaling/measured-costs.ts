import { figureAt, type Result } from '../report/result.ts'
import type { Costs } from './sizing.ts'

/** Subscribers of a gateway of `bench scaling`. */
const READERS = 3

/** Figures of kept results, of which the costs are made. */
export class Measured {
  readonly #results: readonly Result[]

  constructor(results: readonly Result[]) {
    this.#results = results
  }

  /** @throws Error where it was not measured */
  of(benchmark: Result['benchmark'], path: string): number {
    const figures = this.#results.find((result) => result.benchmark === benchmark)?.figures
    const figure = figureAt(figures, path)
    if (typeof figure !== 'number') throw new Error(`no figure ${path} of ${benchmark}`)
    return figure
  }

  /** CPU seconds for a million events are microseconds for one. */
  costs(eventBytes: number): Costs {
    const scaling = (path: string) => this.of('scaling', path)
    const alone = (part: string) => scaling(`readers.points.1.cpuSeconds.${part}`)
    const several = (part: string) => scaling(`readers.points.${READERS}.cpuSeconds.${part}`)
    const fetchMicros = Math.max(0, (several('redis') - alone('redis')) / (READERS - 1))
    return {
      publishMicros: alone('publishing'),
      readMicros: alone('readers'),
      deliverMicros: 1e6 / (this.of('fanout', 'framesPerCpuSec') * this.of('fanout', 'batchingGain')),
      foldMicros: alone('workers'),
      storeMicros: alone('redis') - fetchMicros,
      fetchMicros,
      connectionBytes: this.of('idle', 'bytesPerConnection'),
      entryBytes: Math.max(0, scaling('readers.points.1.redisBytesPerEvent') - eventBytes),
    }
  }
}
