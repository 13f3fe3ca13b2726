import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { type BenchmarkName, HEADLINES } from './headlines.ts'

/** What stands beside the figures of a run. */
export interface RunFacts extends Pick<Benchmark, 'description' | 'control' | 'notMeasured'> {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  /** When it ended, ISO 8601. */
  readonly date: string
  readonly seconds: number
}

/** A run of a benchmark. */
export interface Result extends RunFacts {
  readonly benchmark: BenchmarkName
  readonly figures: Readonly<Record<string, Figures>>
}

/** As `npm run bench -- <name> --json` prints it: figures stand beside the facts. */
export function toJson({ benchmark, figures, ...facts }: Result): object {
  return { benchmark, ...figures, ...facts }
}

/** @throws on a text that is no result */
export function parseResult(text: string): Result {
  const { benchmark, description, control, notMeasured, machine, versions, date, seconds, ...figures } =
    JSON.parse(text)
  if (!(benchmark in HEADLINES) || date === undefined) throw new Error(`not the result of a benchmark: ${text}`)
  return { benchmark, description, control, notMeasured, machine, versions, date, seconds, figures }
}

/** The results that a folder holds, in the order of the page. */
export function readResults(folder: string): Result[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const results = files.map((name) => parseResult(readFileSync(join(folder, name), 'utf8')))
  const names = Object.keys(HEADLINES)
  return results.sort((a, b) => names.indexOf(a.benchmark) - names.indexOf(b.benchmark))
}

export function writeResult(folder: string, result: Result): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${result.benchmark}.json`), `${textOfResult(result)}\n`)
}

/** For people: a figure a line, and samples of one on the same line. */
export function textOfResult(result: Result): string {
  const text = JSON.stringify(toJson(result), null, 2)
  return text.replaceAll(/\[\s+([^[\]{}"]*?)\s+\]/g, (_, values: string) => `[${values.replaceAll(/\s+/g, ' ')}]`)
}

/** The figure at a path such as `at100.tidegate.p50Ms`; `undefined` where there is none. */
export function figureAt(figures: Figures | undefined, path: string): Figures | undefined {
  let at: Figures | undefined = figures
  for (const name of path.split('.')) {
    at = typeof at === 'object' && !Array.isArray(at) ? (at as Readonly<Record<string, Figures>>)[name] : undefined
  }
  return at
}
