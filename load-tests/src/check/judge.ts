import { type BenchmarkName, HEADLINES } from '../report/headlines.ts'
import type { Result } from '../report/result.ts'
import type { Figures } from '../support/benchmark.ts'
import { percentile } from '../support/percentile.ts'
import type { Floors } from './floors.ts'

/** Medians within this share of their floor are the same: these machines drift. */
const TOLERANCE = 0.2

export interface Judgement {
  readonly name: string
  /** `undefined`: none is kept. */
  readonly floor: number | undefined
  /** `undefined`: no run had it. */
  readonly median: number | undefined
  readonly verdict: 'fell' | 'held' | 'rose' | 'missing' | 'new'
}

/** The medians of all ratios over several runs, by benchmark and path. */
export function medianRatios(runs: readonly Result[]): ReadonlyMap<string, number> {
  const found = new Map<string, number[]>()
  for (const { benchmark, figures } of runs) {
    for (const [path, ratio] of ratiosOf(figures)) {
      const name = `${benchmark}.${path}`
      found.set(name, [...(found.get(name) ?? []), ratio])
    }
  }
  return new Map([...found].map(([name, ratios]) => [name, percentile(ratios, 0.5)]))
}

/** Compares medians with the floors of the benchmarks that were run. */
export function judge(
  floors: Floors,
  benchmarks: readonly BenchmarkName[],
  medians: ReadonlyMap<string, number>,
): Judgement[] {
  const kept = Object.entries(floors).flatMap(([name, { ratio: floor }]): Judgement[] => {
    const benchmark = benchmarkOf(name)
    if (!benchmarks.includes(benchmark)) return []
    const median = medians.get(name)
    if (median === undefined) return [{ name, floor, median, verdict: 'missing' }]
    const gain = HEADLINES[benchmark].better === 'more' ? median / floor : floor / median
    const verdict = gain < 1 - TOLERANCE ? 'fell' : gain > 1 + TOLERANCE ? 'rose' : 'held'
    return [{ name, floor, median, verdict }]
  })
  const others = [...medians].filter(([name]) => floors[name] === undefined)
  return [...kept, ...others.map(([name, median]): Judgement => ({ name, floor: undefined, median, verdict: 'new' }))]
}

export function benchmarkOf(name: string): BenchmarkName {
  return name.slice(0, name.indexOf('.')) as BenchmarkName
}

/** Every figure that is named `ratio`, by its path. */
function ratiosOf(figures: Readonly<Record<string, Figures>>, path: readonly string[] = []): [string, number][] {
  return Object.entries(figures).flatMap(([name, value]): [string, number][] => {
    if (name === 'ratio' && typeof value === 'number') return [[[...path, name].join('.'), value]]
    const isGroup = typeof value === 'object' && !Array.isArray(value)
    return isGroup ? ratiosOf(value as Readonly<Record<string, Figures>>, [...path, name]) : []
  })
}
