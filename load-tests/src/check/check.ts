import type { BenchmarkName } from '../report/headlines.ts'
import type { Result } from '../report/result.ts'
import { runBenchmark } from '../report/run-benchmark.ts'
import { type Floors, readFloors, writeFloors } from './floors.ts'
import { benchmarkOf, judge, medianRatios } from './judge.ts'

/** What happens on the machine moves one run; the median of three outlasts one that is disturbed. */
const RUNS = 3

export interface CheckOptions {
  /** Benchmarks to run; absent: all that have a floor. */
  readonly only: readonly BenchmarkName[] | undefined
  /** Whether the medians become the floors. */
  readonly keep: boolean
}

/** Compares the ratios of three runs with the kept ones. @returns whether none fell */
export async function check({ only, keep }: CheckOptions): Promise<boolean> {
  const floors = readFloors()
  const benchmarks = only ?? [...new Set(Object.keys(floors).map(benchmarkOf))]
  if (benchmarks.length === 0) {
    console.error('There are no floors: npm run bench -- --check --only ingest --keep makes the first ones.')
    return false
  }
  const runs: Result[] = []
  // In turn, not three of one benchmark: the machine is another one some minutes later.
  for (let run = 1; run <= RUNS; run++) {
    for (const name of benchmarks) {
      console.error(`[check] run ${run} of ${RUNS}: ${name}`)
      runs.push(await runBenchmark(name))
    }
  }
  const medians = medianRatios(runs)
  const judgements = judge(floors, benchmarks, medians)
  console.table(judgements)
  for (const verdict of ['fell', 'missing', 'rose', 'new'] as const) {
    const names = judgements.filter((each) => each.verdict === verdict).map(({ name }) => name)
    if (names.length > 0) console.log(`${verdict}: ${names.join(', ')}`)
  }
  if (keep) {
    writeFloors({ ...readFloors(), ...floorsOf(medians, runs) })
    return true
  }
  return judgements.every(({ verdict }) => verdict !== 'fell' && verdict !== 'missing')
}

function floorsOf(medians: ReadonlyMap<string, number>, runs: readonly Result[]): Floors {
  const { date, machine } = runs.at(-1)!
  const day = date.slice(0, 'yyyy-mm-dd'.length)
  return Object.fromEntries([...medians].map(([name, ratio]) => [name, { ratio, date: day, machine }]))
}
