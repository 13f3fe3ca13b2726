import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { PAGES } from '../../../scripts/docs.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { versions } from '../support/run-facts.ts'
import { HTML_PAGE, KEPT_RESULTS } from './folders.ts'
import { type BenchmarkName, HEADLINES } from './headlines.ts'
import { htmlPage } from './html.ts'
import { notRun } from './page.ts'
import { type Result, readResults, writeResult } from './result.ts'
import { runAll } from './run-all.ts'

const PAGE = 'docs/benchmarks.md'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    resume: { type: 'boolean', default: false },
    from: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run report -- [--only name,...] [--resume] [--from folder]

Runs every benchmark, one after the other, and keeps each result in load-tests/results as soon as it is there. Then it writes
${PAGE}, and load-tests/dist/benchmarks.html with plots, of all results that are kept. Run nothing else meanwhile.

  --only    runs these alone
  --resume  runs those alone that have no result of this commit yet: what an interrupted run has left
  --from    runs none, and takes in the results of a folder, as npm run bench -- <name> --json printed them

Examples:
  npm run report
  npm run report -- --only ingest,latency
  npm run report -- --resume`)
  process.exit(0)
}

const say = (line: string) => console.error(`[report] ${line}`)
const known = readResults(KEPT_RESULTS)
let failed: BenchmarkName[] = []
if (values.from === undefined) failed = await runAll(await chosen(), known, say)
else for (const result of readResults(values.from)) writeResult(KEPT_RESULTS, result)

const results = readResults(KEPT_RESULTS)
writeFileSync(join(REPOSITORY, PAGE), PAGES[PAGE]!())
mkdirSync(dirname(HTML_PAGE), { recursive: true })
writeFileSync(HTML_PAGE, htmlPage(results))
const missing = notRun(results)
say(`${results.length} results${missing.length === 0 ? '' : `; not run: ${missing.join(', ')}`}`)
say(`wrote ${PAGE} and ${relative(REPOSITORY, HTML_PAGE)}`)
if (failed.length > 0) say(`failed: ${failed.join(', ')}; their earlier results, if any, are kept`)
process.exit(failed.length > 0 ? 1 : 0)

async function chosen(): Promise<BenchmarkName[]> {
  const all = Object.keys(HEADLINES) as BenchmarkName[]
  const { only } = values
  const unknown = only?.split(',').find((name) => !(name in HEADLINES))
  if (unknown !== undefined) {
    console.error(`No benchmark "${unknown}". There are: ${all.join(', ')}.`)
    process.exit(1)
  }
  const { commit } = await versions()
  const isDone = ({ versions: { commit: of } }: Result) => of !== undefined && of === commit
  const done = new Set(known.filter(isDone).map(({ benchmark }) => benchmark))
  return all.filter((name) => (only?.split(',').includes(name) ?? true) && !(values.resume && done.has(name)))
}
