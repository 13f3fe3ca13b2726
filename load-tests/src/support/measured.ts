import type { BenchmarkName } from '../report/headlines.ts'
import type { Result } from '../report/result.ts'
import type { Benchmark, Extent } from './benchmark.ts'
import { machine, versions } from './run-facts.ts'

/** Runs a benchmark, or this much of it, with progress on stderr. */
export async function measured(name: BenchmarkName, benchmark: Benchmark, extent: Extent): Promise<Result> {
  const { description, control, notMeasured } = benchmark
  const progress = (message: string) => console.error(`[${name}] ${message}`)
  progress(description)
  const startedAt = performance.now()
  const figures = await benchmark.run(progress, extent)
  return {
    benchmark: name,
    figures,
    description,
    control,
    notMeasured,
    machine: machine(),
    versions: await versions(),
    date: new Date().toISOString(),
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  }
}
