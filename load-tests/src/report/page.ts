import { type BenchmarkName, HEADLINES, type Headline } from './headlines.ts'
import { figureAt, type Result } from './result.ts'
import { tablesOf, textOf } from './tables.ts'

type MarkdownTable = (head: readonly string[], rows: readonly (readonly string[])[]) => string

/** The body of `docs/benchmarks.md`. @param table of Markdown */
export function benchmarksText(results: readonly Result[], table: MarkdownTable): string {
  const missing = notRun(results)
  const sections = [
    `## Overview\n\n${table(
      ['benchmark', 'figure', 'Tidegate', 'control', 'ratio'],
      results.map((result) => overviewRow(result)),
    )}`,
    ...(missing.length === 0 ? [] : [`Not run: ${missing.map((name) => `\`${name}\``).join(', ')}.`]),
    ...machinesOf(results),
    ...results.map((result) => sectionOf(result, table)),
  ]
  return sections.join('\n\n')
}

export function notRun(results: readonly Result[]): BenchmarkName[] {
  const run = new Set(results.map(({ benchmark }) => benchmark))
  return (Object.keys(HEADLINES) as BenchmarkName[]).filter((name) => !run.has(name))
}

/** The headline of a result: its figure, that of the control, and their ratio. */
export function headlineOf({ benchmark, figures }: Result) {
  const headline: Headline = HEADLINES[benchmark]
  const number = (path: string | undefined) => {
    const found = path === undefined ? undefined : figureAt(figures, path)
    return typeof found === 'number' ? found : undefined
  }
  const [own, control] = [number(headline.figure), number(headline.control)]
  const divided = own !== undefined && control ? Math.round((own / control) * 100) / 100 : undefined
  return { ...headline, own, control, ratio: number(headline.ratio) ?? divided }
}

/** Under which conditions, one sentence for each machine and set of versions. */
export function machinesOf(results: readonly Result[]): string[] {
  const places = new Map<string, BenchmarkName[]>()
  for (const { benchmark, machine, versions } of results) {
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
    const place = `${machine}; ${named.join(', ')}`
    places.set(place, [...(places.get(place) ?? []), benchmark])
  }
  if (places.size === 1) return [`Machine: ${[...places.keys()][0]}.`]
  return [...places].map(([place, names]) => `${names.map((name) => `\`${name}\``).join(', ')}: ${place}.`)
}

function overviewRow(result: Result): string[] {
  const { says, own, control, ratio } = headlineOf(result)
  return [`[${result.benchmark}](#${result.benchmark})`, says, textOf(own), textOf(control), textOf(ratio)]
}

function sectionOf(
  { benchmark, description, control, notMeasured, date, seconds, figures }: Result,
  table: MarkdownTable,
) {
  const tables = tablesOf(figures).map(({ title, head, rows }) =>
    [...(title === '' ? [] : [`\`${title}\``]), table(head, rows)].join('\n\n'),
  )
  const day = date.slice(0, 'yyyy-mm-dd'.length)
  return [
    `## ${benchmark}`,
    `${description}.`,
    `- Control: ${control}.\n- Not measured: ${notMeasured}.\n- Run: ${day}, ${Math.round(seconds)} s.`,
    ...tables,
  ].join('\n\n')
}
