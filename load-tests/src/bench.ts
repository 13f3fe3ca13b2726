import { parseArgs } from 'node:util'
import { BENCHMARKS } from './benchmarks.ts'
import { check } from './check/check.ts'
import type { BenchmarkName } from './report/headlines.ts'
import { toJson } from './report/result.ts'
import type { Extent } from './support/benchmark.ts'
import { tokenEnvironment } from './support/hello.ts'
import { measured } from './support/measured.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    tokens: { type: 'boolean', default: false },
    only: { type: 'string' },
    check: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    workloads: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const chosen = values.only?.split(',')
if (values.help || (positionals.length === 0 && !values.check)) {
  console.log(usage())
  process.exit(values.help ? 0 : 1)
}
if (values.check) {
  const held = await check({ only: chosen?.map(benchmarkNamed), keep: values.keep })
  process.exit(held ? 0 : 1)
}
if (values.tokens) Object.assign(process.env, await tokenEnvironment())
for (const name of positionals.map(benchmarkNamed)) {
  const result = await measured(name, BENCHMARKS[name], extentOf(name))
  if (values.json) console.log(JSON.stringify(toJson(result)))
  else console.dir(toJson(result), { depth: null })
}

function extentOf(name: BenchmarkName): Extent {
  const { parts, workloads } = BENCHMARKS[name]
  return {
    parts: chosenOf('part', chosen, name, parts),
    workloads: chosenOf('workload', values.workloads?.split(','), name, workloads),
    isQuick: values.quick,
  }
}

/** What was chosen, if anything was, and is there. */
function chosenOf(
  kind: string,
  names: readonly string[] | undefined,
  benchmark: BenchmarkName,
  known: readonly string[] = [],
): readonly string[] | undefined {
  const unknown = names?.find((name) => !known.includes(name))
  if (unknown === undefined) return names
  const which = known.length === 0 ? 'it is measured as a whole' : `there are: ${known.join(', ')}`
  refuse(`No ${kind} "${unknown}" of ${benchmark}: ${which}.`)
}

function benchmarkNamed(name: string): BenchmarkName {
  if (!Object.hasOwn(BENCHMARKS, name))
    refuse(`No benchmark "${name}". There are: ${Object.keys(BENCHMARKS).join(', ')}.`)
  return name as BenchmarkName
}

function refuse(message: string): never {
  console.error(message)
  process.exit(1)
}

function usage(): string {
  const rows = Object.entries(BENCHMARKS).map(([name, { description }]) => `  ${name.padEnd(14)} ${description}`)
  const parts = Object.entries(BENCHMARKS).flatMap(([name, benchmark]) =>
    benchmark.parts === undefined ? [] : [`              ${name}: ${benchmark.parts.join(', ')}`],
  )
  return `npm run bench -- <name> [--json] [--only part,...] [--workloads name,...] [--quick] [--tokens]
npm run bench -- --check [--only name,...] [--keep]

Measures Tidegate as shipped - separate processes, a private Redis with AOF everysec - beside a bare control in the same run.
Run nothing else meanwhile.

${rows.join('\n')}

  --only    these parts of a benchmark:
${parts.join('\n')}
  --check   runs the benchmarks whose ratios are kept in load-tests/floors.json three times, and fails if the median of one
            is more than 20 % worse; --only chooses benchmarks, and --keep keeps the medians from now on
  --workloads  of peers, these: ${BENCHMARKS.peers.workloads!.join(', ')}
  --quick   of peers, short rounds in under two minutes, of five workloads unless others are named: they show what works,
            and their figures are no comparison
  --tokens  the gateway asks who its clients are: ingest, unnamed, idle and fanout

Examples:
  npm run bench -- ingest
  npm run bench -- idle --tokens
  npm run bench -- ingest --json | tail -n 1
  npm run bench -- growth --only partitions,keys
  npm run bench -- peers --only tidegate,nats --workloads latency,fanout-one
  npm run bench -- --check --only ingest`
}
