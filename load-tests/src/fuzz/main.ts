import { parseArgs } from 'node:util'
import { keepInput } from './corpus.ts'
import { Coverage, type FileCoverage } from './coverage.ts'
import { fuzzTarget, SLOW_MS, type TargetReport } from './fuzz.ts'
import { heapBytes } from './heap.ts'
import { Watchdog } from './watchdog.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run fuzz -- [--inputs 1000000] [--seed n] [--only name] [--json]

Draws inputs for everything that reads what others have written: frames of clients, queries, filters, positions, bodies and heads of
requests, inputs of commands, record batches, frames of servers, and the command line. Most of them are right but for one thing,
so that the code behind the checks is reached too; the functions that they reach are listed. An input fails that throws anything
but a typed refusal, takes more than ${SLOW_MS} ms of CPU, or does not return; so does a target that keeps memory. What failed is made as small
as possible and kept in load-tests/fuzz-corpus, which every run begins with. Exits 1 unless nothing fails (docs/testing.md).

  --inputs n   in all, shared by the targets
  --seed n     the same inputs again
  --only name  just this target

Examples:
  npm run fuzz -- --inputs 50000
  npm run fuzz -- --only filters --seed 7 --inputs 1000 --json`)
  process.exit(0)
}

/** What stays of inputs once they are handled: compiled code, and nothing of them. */
const MAX_KEPT_BYTES = 64 * 1_048_576

const SHOWN_EVERY_MS = 10_000

const watchdog = new Watchdog()
const coverage = new Coverage()
coverage.start()
const { TARGETS } = await import('./targets/index.ts')

const targets = values.only === undefined ? TARGETS : TARGETS.filter(({ name }) => name === values.only)
if (targets.length === 0)
  throw new Error(`There is no target ${values.only}: ${TARGETS.map(({ name }) => name).join(', ')}`)
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000_000))
const inputs = Math.ceil(Number(values.inputs) / targets.length)

type Row = TargetReport & {
  readonly keptBytes: number
  readonly seconds: number
  readonly coverage: readonly FileCoverage[]
}
const rows: Row[] = []
const uncaught: string[] = []
process.on('uncaughtException', (error) => uncaught.push(error.stack ?? error.message))
process.on('unhandledRejection', (reason) => uncaught.push(String((reason as Error)?.stack ?? reason)))

console.error(`[fuzz] seed ${seed}`)
for (const target of targets) {
  coverage.take([])
  const before = heapBytes()
  const startedAt = performance.now()
  let shownAt = startedAt
  const report = await fuzzTarget(target, {
    inputs,
    seed,
    onInput: () => watchdog.beat(),
    onChunk(done, own) {
      watchdog.doing(`${target.name}, an input of --only ${target.name} --seed ${own} --inputs 1000`)
      if (performance.now() - shownAt < SHOWN_EVERY_MS) return
      shownAt = performance.now()
      console.error(`[fuzz] ${target.name}: ${done} of ${inputs}`)
    },
  })
  for (const { kind, message, input, seed: own } of report.failures) {
    const name =
      own === undefined ? 'in the corpus' : `kept as ${target.name}/${keepInput(target.name, input)}, seed ${own}`
    console.error(`[fuzz] ${target.name}: ${kind}, ${name}\n  ${message.split('\n').slice(0, 6).join('\n  ')}`)
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const row: Row = { ...report, seconds, keptBytes: heapBytes() - before, coverage: coverage.take(target.covers) }
  rows.push(row)
  console.error(lineOf(row))
}
for (const text of uncaught) console.error(`[fuzz] nobody caught: ${text}`)

const total = rows.reduce((sum, row) => sum + row.inputs + row.kept, 0)
const slowest = rows.reduce((most, row) => (row.slowest.ms > most.slowest.ms ? row : most))
const failed = rows.reduce((sum, row) => sum + row.failures.length, 0)
const keeping = rows.filter(({ keptBytes }) => keptBytes > MAX_KEPT_BYTES).map(({ target }) => target)
const ok = failed === 0 && uncaught.length === 0 && keeping.length === 0
const summary = {
  ...{ seed, inputs: total, failed, uncaught: uncaught.length, keeping },
  slowest: {
    target: slowest.target,
    ms: Number(slowest.slowest.ms.toFixed(2)),
    input: shortened(slowest.slowest.input),
  },
  targets: rows.map((row) => ({
    ...{
      target: row.target,
      inputs: row.inputs + row.kept,
      failures: row.failures.length,
      seconds: Number(row.seconds.toFixed(1)),
    },
    ...{ slowestMs: Number(row.slowest.ms.toFixed(2)), functions: shareOf(row.coverage) },
  })),
  ok,
}
if (values.json) console.log(JSON.stringify(summary))
else console.log(summary)
process.exit(ok ? 0 : 1)

function lineOf({ target, inputs: count, kept, seconds, slowest: most, coverage: files, keptBytes }: Row): string {
  const unreached = files.flatMap(({ file, unreached: names }) =>
    names.length === 0 ? [] : [`${file.split('/').at(-1)}: ${names.join(', ')}`],
  )
  const behind = unreached.length === 0 ? '' : `\n         not reached: ${unreached.join('; ')}`
  return `[fuzz] ${target}: ${count} inputs and ${kept} kept in ${seconds.toFixed(1)} s; slowest ${most.ms.toFixed(2)} ms; ${shareOf(files)}; heap ${(keptBytes / 1_048_576).toFixed(1)} MB${behind}`
}

function shareOf(files: readonly FileCoverage[]): string {
  const all = files.reduce((sum, { functions }) => sum + functions, 0)
  const reached = files.reduce((sum, each) => sum + each.reached, 0)
  const code = files.reduce((sum, each) => sum + each.code, 0) / Math.max(1, files.length)
  return `${reached} of ${all} functions, ${Math.round(code * 100)} % of their code`
}

function shortened(input: unknown): string {
  const json = JSON.stringify(input) ?? ''
  return json.length <= 200 ? json : `${json.slice(0, 200)}... (${json.length} characters)`
}
