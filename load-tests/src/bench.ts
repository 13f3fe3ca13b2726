import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { entities } from './entities/entities.ts'
import { entityQueries } from './entities/entity-queries.ts'
import { entityRebuild } from './entities/entity-rebuild.ts'
import { entitySize } from './entities/entity-size.ts'
import { fanout } from './fanout/fanout.ts'
import { idle } from './idle/idle.ts'
import { ingest, unnamed } from './ingest/ingest.ts'
import { latency } from './latency/latency.ts'
import { nexmark } from './nexmark/nexmark.ts'
import { pipeline } from './pipeline/pipeline.ts'
import { priority } from './priority/priority.ts'
import { resume } from './resume/resume.ts'
import { sdk } from './sdk/sdk.ts'
import { slow } from './slow/slow.ts'
import type { Benchmark } from './support/benchmark.ts'
import { useTokens } from './support/hello.ts'
import { hopping } from './windows/hopping.ts'
import { states } from './windows/states.ts'
import { windows } from './windows/windows.ts'

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  ingest,
  unnamed,
  pipeline,
  windows,
  hopping,
  states,
  nexmark,
  entities,
  'entity-queries': entityQueries,
  'entity-size': entitySize,
  'entity-rebuild': entityRebuild,
  idle,
  fanout,
  latency,
  priority,
  resume,
  slow,
  sdk,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    tokens: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help || positionals.length === 0) {
  console.log(usage())
  process.exit(values.help ? 0 : 1)
}
if (values.tokens) await useTokens()
for (const name of positionals) {
  const benchmark = BENCHMARKS[name]
  if (benchmark === undefined) {
    console.error(`No benchmark "${name}". There are: ${Object.keys(BENCHMARKS).join(', ')}.`)
    process.exit(1)
  }
  await runOne(name, benchmark)
}

async function runOne(name: string, benchmark: Benchmark): Promise<void> {
  const progress = (message: string) => console.error(`[${name}] ${message}`)
  progress(benchmark.description)
  const figures = await benchmark.run(progress)
  const report = { benchmark: name, ...figures, machine: machine(), notMeasured: benchmark.notMeasured }
  if (values.json) console.log(JSON.stringify(report))
  else console.dir(report, { depth: null })
}

function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} x ${cpus()[0]!.model.trim()}, ${gib} GiB, Linux ${release()}, Node ${process.version}`
}

function usage(): string {
  const rows = Object.entries(BENCHMARKS).map(([name, { description }]) => `  ${name.padEnd(14)} ${description}`)
  return `npm run bench -- <name> [--json] [--tokens]

Measures Tidegate as shipped - separate processes, a private Redis with AOF everysec - beside a bare control in the same run.
Run nothing else meanwhile.

${rows.join('\n')}

  --tokens  the gateway asks who its clients are: ingest, unnamed, idle and fanout

Examples:
  npm run bench -- ingest
  npm run bench -- idle --tokens
  npm run bench -- ingest --json | tail -n 1`
}
