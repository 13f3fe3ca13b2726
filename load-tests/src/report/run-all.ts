import { KEPT_RESULTS } from './folders.ts'
import type { BenchmarkName } from './headlines.ts'
import { type Result, writeResult } from './result.ts'
import { runBenchmark } from './run-benchmark.ts'

/** Of a benchmark that was never run here. */
const USUAL_SECONDS = 90

/**
 * Runs benchmarks one after the other and keeps each result as soon as it is there.
 *
 * @param known earlier results, which say how long each takes
 * @returns the names of those that failed
 */
export async function runAll(
  names: readonly BenchmarkName[],
  known: readonly Result[],
  say: (line: string) => void,
): Promise<BenchmarkName[]> {
  const usual = new Map(known.map(({ benchmark, seconds }) => [benchmark, seconds]))
  const failed: BenchmarkName[] = []
  for (const [i, name] of names.entries()) {
    const left = names.slice(i).reduce((sum, each) => sum + (usual.get(each) ?? USUAL_SECONDS), 0)
    say(`${i + 1} of ${names.length}: ${name}; about ${Math.ceil(left / 60)} min left`)
    try {
      writeResult(KEPT_RESULTS, await runBenchmark(name))
    } catch (error) {
      failed.push(name)
      say(`${name} failed: ${error instanceof Error ? error.message : error}`)
    }
  }
  return failed
}
